//! Why the agent does not start, or stops.

use std::{io, path::PathBuf};

use steeple_attest::AttestError;
use steeple_cache::ServerError;
use steeple_config::ConfigErrors;
use steeple_grpc::LocalError;
use steeple_lifecycle::{TaskError, health::HealthError};
use steeple_plugin_host::StartError;
use steeple_telemetry::LogError;

/// Why the agent does not start, or stops before it is told to.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The configuration is wrong; nothing has been touched.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// The log cannot be written.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The handlers for signals were refused.
    #[error("could not listen for signals: {0}")]
    Signals(io::Error),
    /// `data_dir` cannot be made.
    #[error("could not create data_dir {path:?}: {source}; make it, or choose another data_dir")]
    DataDir {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A plugin did not start.
    #[error("{plugin}: {0}", plugin = .0.plugin())]
    Plugin(#[from] StartError),
    /// The node has no identity, or cannot keep it.
    #[error(transparent)]
    Attest(#[from] AttestError),
    /// The server does not talk to this agent any more.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The server has banned the agent; its SVID has been removed.
    #[error("the server has banned this agent; evict it there to let the node attest again")]
    Banned,
    /// The server wants the node to attest again, which it cannot by itself.
    #[error(
        "the server no longer knows this agent and its node cannot attest twice; start it with a new join token"
    )]
    MustReattest,
    /// The public socket cannot be opened.
    #[error(transparent)]
    Socket(#[from] LocalError),
    /// The services could not be described for reflection.
    #[error("could not set up gRPC reflection: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// Two health checks have one name.
    #[error(transparent)]
    Health(#[from] HealthError),
    /// A part of the running agent failed.
    #[error(transparent)]
    Task(#[from] TaskError),
}
