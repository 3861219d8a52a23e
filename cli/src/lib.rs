//! The operator's commands: what `spire-server` and `spire-agent` understand besides running.
//!
//! One file a subcommand. A command reads its flags (Go style, [`goflag`]), speaks gRPC over a
//! Unix socket and prints for people or as JSON; it knows no server or agent types. The process
//! around it comes in as an [`Env`], so every command runs in a test.

pub mod agent;
mod command;
mod completion;
mod connect;
mod env;
mod error;
pub use steeple_goflag as goflag;
mod help;
mod output;
mod program;
pub mod server;
mod status;
#[cfg(test)]
mod testing;
mod version;

pub use command::Command;
pub use connect::{ConnectError, MAX_PATH as MAX_SOCKET_PATH};
pub use env::Env;
pub use error::CommandError;
pub use output::OutputError;
pub use program::Program;
pub use version::{SPIRE_RELEASE, version};
