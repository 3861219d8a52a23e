//! `cargo xtask bench`: measures the release build.

use std::process::Command;

use anyhow::Result;

use crate::{
    command::run as run_command,
    workspace::{Workspace, cargo},
};

/// What to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Passed on to the benches.
    #[arg(last = true)]
    rest: Vec<String>,
}

/// Builds the programs and the benches for release, and runs the benches.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    std::env::set_current_dir(Workspace::load()?.root())?;
    run_command(Command::new(cargo()).args([
        "build",
        "--locked",
        "--release",
        "--workspace",
        "--bins",
    ]))?;
    let mut bench = Command::new(cargo());
    bench.args([
        "run",
        "--locked",
        "--release",
        "--package",
        "steeple-benches",
        "--",
    ]);
    run_command(bench.args(&arguments.rest))
}
