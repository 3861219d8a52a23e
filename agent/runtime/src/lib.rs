//! The agent as a whole: from configuration to objects to supervised tasks.
//!
//! [`run`] is the program; [`start`] is the part of it that has no say over the process (no log
//! set-up, no umask, no signals), so that an agent can also run beside a server in one process.

pub mod config;

mod checks;
mod endpoint;
mod error;
mod membership;
mod plan;
mod program;
mod settings;
mod start;

pub use error::AgentError;
pub use program::{run, validate};
pub use start::{Parts, RunningAgent, start};

/// The version that this agent reports: the SPIRE release whose place it takes, and its own.
pub const VERSION: &str = concat!("1.15.3+steeple.", env!("CARGO_PKG_VERSION"));
