//! What every command offers to the program that holds it.

use crate::{
    env::Env,
    goflag::{FlagError, FlagSet},
};

/// One command of a program.
pub trait Command {
    /// One line that says what it does.
    fn synopsis(&self) -> &'static str;

    /// Its flags.
    fn flags(&self) -> FlagSet;

    /// How it is used, as `-h` shows it.
    fn usage(&self) -> String {
        self.flags().usage()
    }

    /// Does it, and gives the exit code.
    fn run(&self, args: &[String], env: &mut Env) -> u8;
}

/// Prints why the flags were refused, and the usage.
pub(crate) fn refuse(flags: &FlagSet, error: &FlagError, env: &mut Env) {
    if *error != FlagError::Help {
        env.complain(&error.to_string());
    }
    env.complain(flags.usage().trim_end());
}

/// Starts a runtime on this thread and waits for `work` on it.
pub(crate) fn wait<T>(work: impl Future<Output = T>) -> std::io::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    Ok(runtime.block_on(work))
}

/// A command of SPIRE's that is known here but not there yet.
pub(crate) struct NotYet {
    /// The whole command, as in `spire-server x509 mint`.
    pub(crate) command: &'static str,
    /// What it will do.
    pub(crate) synopsis: &'static str,
}

impl Command for NotYet {
    fn synopsis(&self) -> &'static str {
        self.synopsis
    }

    fn flags(&self) -> FlagSet {
        FlagSet::new(self.command)
    }

    fn usage(&self) -> String {
        format!("'{}' is not supported yet by Steeple", self.command)
    }

    fn run(&self, _args: &[String], env: &mut Env) -> u8 {
        env.complain(&format!("Error: {}", self.usage()));
        1
    }
}
