//! A machine of its own for a case that uses fixed ports and paths: mount and network namespaces.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use anyhow::Result;
use nix::unistd::geteuid;

use crate::{
    command::run,
    place::Place,
    process::{Process, Terminal},
};

/// The script that furnishes the room: loopback, and our folders in place of `/tmp` and `/opt`.
const FURNISH: &str = r#"
set -e
ip link set lo up
mount --bind "$1/tmp" /tmp
mount --bind "$1/opt" /opt
mount --bind "$1/hosts" /etc/hosts
shift
while [ $# -gt 0 ]; do mount --bind "$1" "$2"; shift 2; done
echo furnished
exec sleep infinity
"#;

/// Namespaces in which `/tmp`, `/opt`, `/etc/hosts` and every port belong to one case alone.
#[derive(Debug)]
pub struct Room {
    keeper: Process,
}

impl Room {
    /// Whether this machine lets us make one.
    #[must_use]
    pub fn possible() -> bool {
        let mut command = unshare();
        command.args(["sh", "-c", "ip link set lo up && mount --bind /tmp /opt"]);
        geteuid().is_root() && run(&mut command).is_ok_and(|output| output.code == Some(0))
    }

    /// Makes one. In it, the folder's `tmp` and `opt` are `/tmp` and `/opt`, `names` lead to
    /// loopback, and each pair of files shows the first in place of the second.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn open(place: &Place, names: &[&str], files: &[(&Path, &Path)]) -> Result<Self> {
        let tmp = place.open_dir("tmp")?;
        fs::set_permissions(&tmp, fs::Permissions::from_mode(0o1777))?;
        place.open_dir("opt")?;
        place.write(
            "hosts",
            format!("127.0.0.1 localhost {}\n", names.join(" ")),
        )?;
        for (_, over) in files {
            // Where a file is to be shown, a file must be.
            let over = over.strip_prefix("/").unwrap_or(over);
            place.write(&over.to_string_lossy(), "")?;
        }
        let mut command = unshare();
        command.args(["sh", "-c", FURNISH, "sh"]).arg(place.dir());
        command.args(files.iter().flat_map(|(file, over)| [file, over]));
        let keeper = Process::start("room", command, &place.path("room.log"), Terminal::No)?;
        keeper.wait_line(0, "furnished")?;
        Ok(Self { keeper })
    }

    /// A command that runs in the room, in this folder of it.
    #[must_use]
    pub fn command(&self, folder: &str, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--target={}", self.keeper.pid()))
            .args(["--mount", "--net"]);
        command.args(["sh", "-c", r#"cd "$0" && exec "$@""#, folder, program]);
        command
    }
}

fn unshare() -> Command {
    let mut command = Command::new("unshare");
    command.args(["--mount", "--net", "--propagation", "private"]);
    command
}
