//! The clients that nobody here wrote, built under the target folder: `<target>/interop/go`,
//! `<target>/interop/rust` and the Python environment `<target>/interop/python`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::{
    command::{exists, run},
    workspace::{Workspace, cargo},
};

/// What is ready, and what is not and why.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// Where everything lies; tests get it as `STEEPLE_INTEROP`.
    pub(crate) folder: PathBuf,
    /// One line for each client that could not be had.
    pub(crate) absent: Vec<String>,
}

impl Prepared {
    /// Says what is absent.
    pub(crate) fn report(&self) {
        for line in &self.absent {
            println!("skipped: {line}");
        }
    }
}

/// Builds every client whose language is here.
pub(crate) fn prepare() -> Result<Prepared> {
    let workspace = Workspace::load()?;
    let sources = workspace.root().join("interop");
    let folder = workspace.target().join("interop");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let mut absent = Vec::new();
    let mut attempt = |what: &str, done: Result<()>| {
        if let Err(error) = done {
            absent.push(format!("the {what} client is not built: {error:#}"));
        }
    };
    if sources.join("go/go.mod").is_file() {
        attempt("Go", go(&sources.join("go"), &folder.join("go")));
    }
    if sources.join("python/requirements.txt").is_file() {
        attempt(
            "Python",
            python(&sources.join("python"), &folder.join("python")),
        );
    }
    if sources.join("rust/Cargo.toml").is_file() {
        attempt("Rust", rust(&sources.join("rust"), &folder.join("rust")));
    }
    Ok(Prepared { folder, absent })
}

fn go(source: &Path, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let mut build = Command::new("go");
    build
        .current_dir(source)
        .args(["build", "-o"])
        .arg(folder.join(""))
        .arg("./...");
    run(&mut build)
}

fn python(source: &Path, folder: &Path) -> Result<()> {
    let interpreter = folder.join("bin/python");
    if !interpreter.is_file() {
        let made = run(Command::new("python3").args(["-m", "venv"]).arg(folder));
        if made.is_err() && exists("apt-get", "--version") {
            // Debian keeps venv in a package of its own.
            run(Command::new("apt-get").args(["install", "-y", "python3-venv"]))?;
            run(Command::new("python3")
                .args(["-m", "venv", "--clear"])
                .arg(folder))?;
        } else {
            made?;
        }
    }
    let requirements = source.join("requirements.txt");
    let mut install = Command::new(interpreter);
    run(install
        .args(["-m", "pip", "install", "--quiet", "-r"])
        .arg(requirements))
}

fn rust(source: &Path, folder: &Path) -> Result<()> {
    let mut build = Command::new(cargo());
    build
        .current_dir(source)
        .args(["build", "--locked", "--quiet", "--target-dir"])
        .arg(folder);
    run(&mut build)
}
