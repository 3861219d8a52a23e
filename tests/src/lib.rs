//! The harness of the process-level tests: real binaries, real sockets, real files.
//!
//! Server and agent are parameters ([`Programs`]), so that every case can be judged by the stock
//! programs first. What a case needs from outside is named by environment variables:
//!
//! * `STEEPLE_BIN`: the folder with our `spire-server` and `spire-agent`; default is the cargo
//!   target folder that the tests were built into.
//! * `STEEPLE_STOCK_SPIRE`: a folder with the stock `spire-server` and `spire-agent`.
//! * `STEEPLE_SHARED`: the folder with the seeds; default `../shared` beside the project.

mod agent;
mod client;
mod command;
mod log;
mod place;
mod process;
mod programs;
mod python;
mod room;
mod seed;
mod server;
mod suite;
mod wait;

pub use agent::{Agent, AgentPlan};
pub use client::unix_channel;
pub use command::{Output, run};
pub use log::{Line, find_line, parse_line, strip_colours};
pub use place::{Place, free_port};
pub use process::{Process, Terminal};
pub use programs::{Programs, project_dir, target_dir};
pub use python::python;
pub use room::Room;
pub use seed::Seed;
pub use server::{Server, ServerPlan};
pub use suite::{Case, Suite};
pub use wait::{LIMIT, eventually};
