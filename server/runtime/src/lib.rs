//! The server as a whole: from configuration to objects to supervised tasks.
//!
//! [`run`] is the program; [`start`] is the part of it that has no say over the process (no log
//! set-up, no umask, no signals), so that a server can also run beside an agent in one process.

pub mod config;

mod checks;
mod endpoints;
mod error;
mod program;
mod settings;
mod start;
#[cfg(test)]
mod tests;
mod tls_identity;

pub use error::ServerError;
pub use program::{run, validate};
pub use start::{Parts, RunningServer, start};

/// The version that this server reports: the SPIRE release whose place it takes, and its own.
pub const VERSION: &str = concat!("1.15.3+steeple.", env!("CARGO_PKG_VERSION"));
