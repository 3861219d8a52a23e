//! WorkloadAttestor `unix`: what the kernel says of a process, its user, groups and program.

use std::{
    env, fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use async_trait::async_trait;
use aws_lc_rs::digest::{Context, SHA256};
use nix::unistd::{Gid, Group, Uid, User};
use steeple_plugin_sdk::{PluginError, config::PluginData, workloadattestor::WorkloadAttestor};
use steeple_spiffe::Selector;

/// The selector type, and the name in the configuration.
pub const NAME: &str = "unix";

/// Attests by `/proc/PID`.
#[derive(Clone, Debug)]
pub struct UnixAttestor {
    proc: PathBuf,
    discover_path: bool,
    hash: Hash,
}

/// Whether and up to which size the program is read for its digest.
#[derive(Clone, Copy, Debug)]
enum Hash {
    Never,
    UpTo(u64),
    Always,
}

impl UnixAttestor {
    /// Reads `discover_workload_path` and `workload_size_limit`; `None` when the section's report
    /// has a mistake in them. The root of proc is `HOST_PROC`, where that is set.
    pub fn configure(data: &PluginData<'_>) -> Option<Self> {
        let discover_path = data.bool("discover_workload_path").unwrap_or(false);
        let hash = match data.int("workload_size_limit").unwrap_or(0) {
            0 => Hash::Always,
            limit => u64::try_from(limit).map_or(Hash::Never, Hash::UpTo),
        };
        let root = env::var_os("HOST_PROC").filter(|root| !root.is_empty());
        let proc = root.map_or_else(|| PathBuf::from("/proc"), PathBuf::from);
        Some(Self {
            proc,
            discover_path,
            hash,
        })
    }

    /// All selectors of `pid`. Blocks: reads files, and may ask a directory service for names.
    fn inspect(&self, pid: u32) -> Result<Vec<Selector>, PluginError> {
        let dir = self.proc.join(pid.to_string());
        let status = fs::read_to_string(dir.join("status")).map_err(|error| {
            PluginError::Internal(format!(
                "failed to get process: cannot read status of {pid}: {error}"
            ))
        })?;
        let ids = Ids::parse(&status)?;
        let mut found = Found::default();
        found.add("uid", &ids.uid.to_string());
        found.add_name("user", user_name(ids.uid));
        found.add("gid", &ids.gid.to_string());
        found.add_name("group", group_name(ids.gid));
        for gid in ids.supplementary {
            found.add("supplementary_gid", &gid.to_string());
            found.add_name("supplementary_group", group_name(gid));
        }
        if self.discover_path {
            self.inspect_program(&dir, &mut found)?;
        }
        Ok(found.0)
    }

    fn inspect_program(&self, dir: &Path, found: &mut Found) -> Result<(), PluginError> {
        let exe = dir.join("exe");
        let path = fs::read_link(&exe)
            .map_err(|error| PluginError::Internal(format!("path lookup: {error}")))?;
        found.add("path", &path.to_string_lossy());
        let limit = match self.hash {
            Hash::Never => return Ok(()),
            Hash::Always => None,
            Hash::UpTo(limit) => Some(limit),
        };
        // By the link of proc, which also reaches programs in other mount namespaces.
        found.add("sha256", &sha256(&exe, limit)?);
        Ok(())
    }
}

#[async_trait]
impl WorkloadAttestor for UnixAttestor {
    fn kind(&self) -> &str {
        NAME
    }

    async fn attest(&self, pid: u32) -> Result<Vec<Selector>, PluginError> {
        let this = self.clone();
        tokio::task::spawn_blocking(move || this.inspect(pid))
            .await
            .map_err(|error| {
                PluginError::Internal(format!("attestation of {pid} ended: {error}"))
            })?
    }
}

/// Selectors as they are found. An empty value is no selector.
#[derive(Default)]
struct Found(Vec<Selector>);

impl Found {
    fn add(&mut self, kind: &str, value: &str) {
        self.0
            .extend(Selector::new(NAME, &format!("{kind}:{value}")).ok());
    }

    fn add_name(&mut self, kind: &str, name: Option<String>) {
        if let Some(name) = name {
            self.add(kind, &name);
        }
    }
}

/// The ids in `/proc/PID/status`.
#[derive(Debug, PartialEq)]
struct Ids {
    uid: u32,
    gid: u32,
    supplementary: Vec<u32>,
}

impl Ids {
    fn parse(status: &str) -> Result<Self, PluginError> {
        let row = |key: &str| {
            status
                .lines()
                .find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))
        };
        // Real, effective, saved and file system id: the effective one counts.
        let effective = |key: &str| {
            let id = row(key).and_then(|ids| ids.split_whitespace().nth(1)?.parse().ok());
            id.ok_or_else(|| PluginError::Internal(format!("{key} lookup: no {key} in status")))
        };
        let groups = row("Groups").unwrap_or_default();
        let supplementary = groups
            .split_whitespace()
            .map(str::parse)
            .collect::<Result<_, _>>();
        Ok(Self {
            uid: effective("Uid")?,
            gid: effective("Gid")?,
            supplementary: supplementary.map_err(|error| {
                PluginError::Internal(format!("supplementary GIDs lookup: {error}"))
            })?,
        })
    }
}

/// The name, where the machine knows one; a failed lookup costs this selector only.
fn user_name(uid: u32) -> Option<String> {
    User::from_uid(Uid::from_raw(uid))
        .ok()
        .flatten()
        .map(|user| user.name)
}

fn group_name(gid: u32) -> Option<String> {
    Group::from_gid(Gid::from_raw(gid))
        .ok()
        .flatten()
        .map(|group| group.name)
}

/// The file's digest in hex; an error when it is larger than `limit`.
fn sha256(path: &Path, limit: Option<u64>) -> Result<String, PluginError> {
    let failed = |error: io::Error| {
        PluginError::Internal(format!("SHA256 digest of {}: {error}", path.display()))
    };
    let mut file = fs::File::open(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    if let Some(limit) = limit.filter(|limit| size > *limit) {
        let path = path.display();
        return Err(PluginError::Internal(format!(
            "workload {path} exceeds size limit ({size} > {limit}); raise workload_size_limit, or set it below 0 to do without the digest"
        )));
    }
    let mut digest = Context::new(&SHA256);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer).map_err(failed)? {
            0 => return Ok(hex::encode(digest.finish())),
            n => digest.update(&buffer[..n]),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    const STATUS: &str = "Name:\tsh\nUid:\t10\t4000000001\t12\t13\nGid:\t20\t4000000002\t22\t23\nGroups:\t4000000003 4000000004 \n";

    fn attestor(proc: &Path, discover_path: bool, hash: Hash) -> UnixAttestor {
        UnixAttestor {
            proc: proc.to_owned(),
            discover_path,
            hash,
        }
    }

    fn values(selectors: &[Selector]) -> Vec<&str> {
        selectors.iter().map(Selector::value).collect()
    }

    fn process(status: &str) -> tempfile::TempDir {
        let proc = tempfile::tempdir().unwrap();
        let dir = proc.path().join("42");
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join("status"), status).unwrap();
        fs::write(proc.path().join("program"), "abc").unwrap();
        symlink(proc.path().join("program"), dir.join("exe")).unwrap();
        proc
    }

    #[tokio::test]
    async fn effective_ids_and_groups_count_and_unknown_names_are_left_out() {
        let proc = process(STATUS);
        let found = attestor(proc.path(), false, Hash::Always)
            .attest(42)
            .await
            .unwrap();
        assert!(found.iter().all(|selector| selector.kind() == "unix"));
        let wanted = [
            "uid:4000000001",
            "gid:4000000002",
            "supplementary_gid:4000000003",
            "supplementary_gid:4000000004",
        ];
        assert_eq!(values(&found), wanted);
    }

    #[tokio::test]
    async fn names_are_told_where_the_machine_knows_them() {
        let proc = process("Uid:\t1\t0\t1\t1\nGid:\t1\t0\t1\t1\nGroups:\t0\n");
        let found = attestor(proc.path(), false, Hash::Always)
            .attest(42)
            .await
            .unwrap();
        let wanted = [
            "uid:0",
            "user:root",
            "gid:0",
            "group:root",
            "supplementary_gid:0",
            "supplementary_group:root",
        ];
        assert_eq!(values(&found), wanted);
    }

    #[tokio::test]
    async fn program_and_digest_are_told_within_the_limit() {
        const ABC: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let proc = process(STATUS);
        let path = format!("path:{}", proc.path().join("program").display());
        for hash in [Hash::Always, Hash::UpTo(3)] {
            let found = attestor(proc.path(), true, hash).attest(42).await.unwrap();
            assert_eq!(values(&found)[4..], [path.as_str(), ABC]);
        }
        let found = attestor(proc.path(), true, Hash::Never)
            .attest(42)
            .await
            .unwrap();
        assert_eq!(values(&found)[4..], [path.as_str()]);
        let refused = attestor(proc.path(), true, Hash::UpTo(2))
            .attest(42)
            .await
            .unwrap_err();
        assert!(
            refused.to_string().contains("exceeds size limit (3 > 2)"),
            "{refused}"
        );
    }

    #[tokio::test]
    async fn a_process_that_is_gone_or_unreadable_fails() {
        let proc = process(STATUS);
        assert!(
            attestor(proc.path(), false, Hash::Always)
                .attest(42)
                .await
                .is_ok()
        );
        assert!(
            attestor(proc.path(), false, Hash::Always)
                .attest(43)
                .await
                .is_err()
        );
        let broken = process("Name:\tsh\n");
        assert!(
            attestor(broken.path(), false, Hash::Always)
                .attest(42)
                .await
                .is_err()
        );
    }

    #[tokio::test]
    async fn this_very_process_is_found() {
        let me = attestor(Path::new("/proc"), true, Hash::Always);
        let found = me.attest(std::process::id()).await.unwrap();
        let uid = format!("uid:{}", Uid::effective());
        assert!(values(&found).contains(&uid.as_str()));
    }
}
