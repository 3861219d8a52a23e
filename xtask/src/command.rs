//! Running other programs.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

/// Runs `command` with our own output; anything but success is an error that shows it.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot run {}", shown(command)))?;
    if !status.success() {
        bail!("{} ended with {status}", shown(command));
    }
    Ok(())
}

/// Runs `command`, passes its standard output on, and hands each line to `line`. Returns whether
/// it succeeded.
pub(crate) fn follow(command: &mut Command, mut line: impl FnMut(&str)) -> Result<bool> {
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run {}", shown(command)))?;
    let output = child.stdout.take().context("the output was not piped")?;
    for read in BufReader::new(output).split(b'\n') {
        let read = read.context("cannot read the output")?;
        let text = String::from_utf8_lossy(&read);
        writeln!(std::io::stdout(), "{text}").context("cannot pass the output on")?;
        line(&text);
    }
    Ok(child.wait().context("cannot wait for the end")?.success())
}

/// Whether `program` can be run at all.
pub(crate) fn exists(program: &str, version: &str) -> bool {
    let mut command = Command::new(program);
    command
        .arg(version)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// The command as one would type it.
pub(crate) fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}
