//! `cargo xtask check`: what must hold besides the tests.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, bail};

use crate::{
    command::{exists, run as run_command},
    layers,
    workspace::{Workspace, cargo},
};

type Check = fn() -> Result<()>;

/// Runs every check and names all that failed.
pub(crate) fn run() -> Result<()> {
    env::set_current_dir(Workspace::load()?.root())?;
    let checks: [(&str, Check); 4] = [
        ("fmt", fmt),
        ("layers", layers::run),
        ("clippy", clippy),
        ("deny", deny),
    ];
    let mut failed = Vec::new();
    for (name, check) in checks {
        println!("==> {name}");
        if let Err(error) = check() {
            eprintln!("{error:#}");
            failed.push(name);
        }
    }
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    Ok(())
}

fn fmt() -> Result<()> {
    run_command(Command::new(cargo()).args(["fmt", "--all", "--check"]))
}

fn clippy() -> Result<()> {
    let arguments = [
        "clippy",
        "--locked",
        "--workspace",
        "--all-targets",
        "--keep-going",
        "--",
        "-D",
        "warnings",
    ];
    run_command(Command::new(cargo()).args(arguments))
}

/// Checks the dependencies by deny.toml. Advisories are left out: their database is fetched from
/// the network at run time, and a check must not turn red by what others publish.
pub(crate) fn deny() -> Result<()> {
    env::set_current_dir(Workspace::load()?.root())?;
    let program = match exists("cargo-deny", "--version") {
        true => PathBuf::from("cargo-deny"),
        false => installed()?,
    };
    let arguments = [
        "--workspace",
        "--locked",
        "check",
        "bans",
        "licenses",
        "sources",
    ];
    run_command(Command::new(program).args(arguments))
}

/// cargo-deny in a folder of its own that is kept from run to run.
fn installed() -> Result<PathBuf> {
    let home = env::var_os("HOME").map(PathBuf::from);
    let kept = home.map(|home| home.join(".cache/steeple/tools"));
    let root = kept.filter(|root| std::fs::create_dir_all(root).is_ok());
    let root = match root {
        Some(root) => root,
        None => Workspace::load()?.target().join("tools"),
    };
    let program = root.join("bin/cargo-deny");
    if !program.is_file() {
        println!("installing cargo-deny into {}", root.display());
        install(&root)?;
    }
    Ok(program)
}

fn install(root: &Path) -> Result<()> {
    let mut install = Command::new(cargo());
    install
        .args([
            "install",
            "--locked",
            "--quiet",
            "cargo-deny@0.20.2",
            "--root",
        ])
        .arg(root);
    install.env("CARGO_TARGET_DIR", root.join("target"));
    run_command(&mut install)?;
    // The objects are of no more use.
    drop(std::fs::remove_dir_all(root.join("target")));
    Ok(())
}
