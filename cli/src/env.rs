//! What a command may touch of the process around it, so that tests can hand in their own.

use std::io::{self, Read, Write};

use steeple_lifecycle::Clock;

/// Looks up an environment variable.
type Vars = Box<dyn Fn(&str) -> Option<String>>;

/// Standard streams, environment variables and the time.
pub struct Env {
    /// Where a command reads when told `-`.
    pub stdin: Box<dyn Read>,
    /// Results.
    pub stdout: Box<dyn Write>,
    /// Errors and usage.
    pub stderr: Box<dyn Write>,
    /// What time it is.
    pub clock: Clock,
    vars: Vars,
}

impl Env {
    /// The words of this process's command line without its own name.
    pub fn args() -> Vec<String> {
        std::env::args_os()
            .skip(1)
            .map(|word| word.to_string_lossy().into_owned())
            .collect()
    }

    /// Those of this process.
    pub fn process() -> Self {
        Self {
            stdin: Box::new(io::stdin()),
            stdout: Box::new(io::stdout()),
            stderr: Box::new(io::stderr()),
            clock: Clock::system(),
            vars: Box::new(|name| std::env::var(name).ok()),
        }
    }

    /// Streams and variables of the caller's choice, and the machine's time.
    pub fn new(
        stdin: impl Read + 'static,
        stdout: impl Write + 'static,
        stderr: impl Write + 'static,
        vars: impl Fn(&str) -> Option<String> + 'static,
    ) -> Self {
        Self {
            stdin: Box::new(stdin),
            stdout: Box::new(stdout),
            stderr: Box::new(stderr),
            clock: Clock::system(),
            vars: Box::new(vars),
        }
    }

    /// An environment variable; an empty one counts as absent.
    pub fn var(&self, name: &str) -> Option<String> {
        (self.vars)(name).filter(|value| !value.is_empty())
    }

    /// Prints a line to standard output.
    ///
    /// # Errors
    /// When the stream does not take it.
    pub fn print(&mut self, line: &str) -> io::Result<()> {
        writeln!(self.stdout, "{line}")
    }

    /// Prints a line to standard error. A failure there can be told to nobody.
    pub fn complain(&mut self, line: &str) {
        let _nobody_to_tell = writeln!(self.stderr, "{line}");
    }
}
