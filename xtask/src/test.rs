//! `cargo xtask test`: one command for a fresh machine with Rust, a C compiler, Go and Python.

use std::{env, path::Path, process::Command};

use anyhow::{Result, bail};

use crate::{
    command::follow,
    counts::Counts,
    machine,
    workspace::{Workspace, cargo},
};

/// What to run.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Only tests whose name contains this.
    filter: Option<String>,
}

/// Builds, prepares, runs and adds up.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let workspace = Workspace::load()?;
    env::set_current_dir(workspace.root())?;
    let missing = machine::furnish();
    say("building the programs");
    run_cargo(&["build", "--locked", "--workspace", "--bins"])?;
    say("running the tests");
    let mut tests = Command::new(cargo());
    tests.args(["test", "--locked", "--workspace", "--no-fail-fast"]);
    if let Some(filter) = &arguments.filter {
        tests.args(["--", filter]);
    }
    let mut counts = Counts::default();
    let passed = follow(&mut tests, |line| counts.add_line(line))?;
    missing.iter().for_each(|line| println!("skipped: {line}"));
    report_absent(&workspace.root());
    println!("{counts}");
    if !passed {
        bail!("some tests failed, or could not be built");
    }
    Ok(())
}

fn run_cargo(arguments: &[&str]) -> Result<()> {
    crate::command::run(Command::new(cargo()).args(arguments))
}

fn say(step: &str) {
    println!("==> {step}");
}

/// Says which groups of tests could not run, and how to have them run.
fn report_absent(root: &Path) {
    if env::var_os("STEEPLE_STOCK_SPIRE").is_none() {
        println!(
            "skipped: everything against stock SPIRE; set STEEPLE_STOCK_SPIRE to a folder with its \
             spire-server and spire-agent"
        );
    }
    let shared = env::var_os("STEEPLE_SHARED").map_or_else(|| root.join("../shared"), Into::into);
    if !shared.join("seeds").is_dir() {
        println!(
            "skipped: everything that follows the seeds; {} has none, set STEEPLE_SHARED to their \
             folder",
            shared.display()
        );
    }
}
