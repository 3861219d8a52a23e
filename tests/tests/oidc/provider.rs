//! A provider that a case runs.

use std::{path::PathBuf, process::Command};

use anyhow::{Result, ensure};
use steeple_tests::{Place, Process, Programs, Terminal};

/// The program.
pub(crate) fn program() -> Result<PathBuf> {
    let program = Programs::ours()?
        .server()
        .with_file_name("oidc-discovery-provider");
    ensure!(
        program.is_file(),
        "{} is not built: run `cargo build --workspace --bins` first",
        program.display()
    );
    Ok(program)
}

/// The stock program, if the environment says where it is.
pub(crate) fn stock() -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("STEEPLE_STOCK_SPIRE")?);
    let program = folder.join("oidc-discovery-provider");
    program.is_file().then_some(program)
}

/// Starts a provider with this configuration and waits until it listens.
pub(crate) fn start(place: &Place, name: &str, config: &str) -> Result<Process> {
    let process = launch(place, name, program()?, config, &[])?;
    process.wait_line(0, "msg=\"Serving HTTP")?;
    Ok(process)
}

/// Starts a provider without waiting for anything.
pub(crate) fn launch(
    place: &Place,
    name: &str,
    program: PathBuf,
    config: &str,
    environment: &[(&str, &str)],
) -> Result<Process> {
    let path = place.write(&format!("{name}.conf"), config)?;
    let mut command = Command::new(program);
    command.arg("-config").arg(path).current_dir(place.dir());
    command.envs(environment.iter().copied());
    let log = place.path(&format!("{name}.log"));
    Process::start(name, command, &log, Terminal::No)
}
