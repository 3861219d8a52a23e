//! Python with packages of its own, for clients and services written in it.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, anyhow, ensure};
use nix::fcntl::{Flock, FlockArg};

use crate::target_dir;

/// The Python of the environment `name`, with the packages that the file `requirements` lists.
/// Made once; several cases and programs may ask at the same time.
///
/// # Errors
/// When the environment cannot be made or the packages cannot be had.
pub fn python(name: &str, requirements: &Path) -> Result<PathBuf> {
    let folder = target_dir()?.join("interop").join(name);
    fs::create_dir_all(&folder)?;
    let lock = File::create(folder.with_extension("lock"))?;
    let _lock = Flock::lock(lock, FlockArg::LockExclusive).map_err(|(_, error)| anyhow!(error))?;
    let python = folder.join("bin/python");
    let done = folder.join("requirements.done");
    if fs::read(&done).ok() == Some(fs::read(requirements)?) {
        return Ok(python);
    }
    install(
        Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&folder),
    )?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet"]);
    pip.args(["--disable-pip-version-check", "-r"]);
    install(pip.arg(requirements))?;
    fs::copy(requirements, done)?;
    Ok(python)
}

fn install(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} failed: {stderr}");
    Ok(())
}
