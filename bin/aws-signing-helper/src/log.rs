//! Lines for a person, on standard error: a local time stamp and a text, as Go programs write them.

use std::{
    fmt::Display,
    io::{self, Write as _},
};

use jiff::tz::TimeZone;
use steeple_lifecycle::Clock;

/// Where diagnostics go.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    clock: Clock,
    debug: bool,
}

impl Log {
    /// A log that shows `debug` lines only if asked to.
    pub(crate) fn new(clock: Clock, debug: bool) -> Self {
        Self { clock, debug }
    }

    /// One line. That standard error is closed is no reason to fail.
    pub(crate) fn line(&self, text: impl Display) {
        let now = self.clock.now().to_zoned(TimeZone::system());
        let line = format!("{} {text}\n", now.strftime("%Y/%m/%d %H:%M:%S"));
        drop(io::stderr().write_all(line.as_bytes()));
    }

    /// One line for whoever looks into a problem. Never a secret.
    pub(crate) fn debug(&self, text: impl Display) {
        if self.debug {
            self.line(text);
        }
    }
}
