//! Proving things: the node to the server, and to the agent who is calling it.
//!
//! [`Node`] holds the agent's own identity: it bootstraps trust in the server, attests, keeps the
//! SVID on disk, renews it and presents it on every connection. [`Workloads`] finds out what the
//! process behind a connection is.

pub mod bootstrap;

mod connection;
mod data;
mod error;
mod node;
mod pin;
mod renewal;
mod signer;
mod stream;
mod svid;
mod workload;

pub use connection::NodeConnection;
pub use data::{AgentData, DataError};
pub use error::AttestError;
pub use node::{Attestor, Node, NodeConfig};
pub use pin::{Gone, Pin};
pub use svid::AgentSvid;
pub use workload::{WorkloadError, Workloads};
