//! Why the server does not start, or stops.

use std::{io, path::PathBuf};

use steeple_authority::AuthorityError;
use steeple_config::ConfigErrors;
use steeple_grpc::{IdentityError, ListenError, LocalError};
use steeple_lifecycle::{TaskError, health::HealthError};
use steeple_plugin_host::StartError;
use steeple_spiffe::x509::NameError;
use steeple_store::StoreError;
use steeple_telemetry::LogError;

/// Why the server does not start, or stops before it is told to.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
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
    /// The database cannot be used.
    #[error("could not open the datastore: {0}")]
    Store(#[from] StoreError),
    /// A plugin did not start.
    #[error("{}: {source}", source.plugin())]
    Plugin {
        /// Which, and why.
        #[from]
        source: StartError,
    },
    /// `ca_subject` cannot be put into a certificate.
    #[error("ca_subject cannot be used: {0}")]
    Subject(#[from] NameError),
    /// The certificate authority could not be loaded or made.
    #[error("could not start the certificate authority: {0}")]
    Authority(#[from] AuthorityError),
    /// The server's own SVID is of no use for TLS.
    #[error("could not use the server's own SVID: {0}")]
    Identity(#[from] IdentityError),
    /// `bind_address` does not resolve.
    #[error("could not resolve bind address {address:?}: {source}")]
    Resolve {
        /// As configured.
        address: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// The TCP endpoint cannot be opened.
    #[error(transparent)]
    Tcp(#[from] ListenError),
    /// The Unix endpoint cannot be opened.
    #[error(transparent)]
    Unix(#[from] LocalError),
    /// Two health checks have one name.
    #[error(transparent)]
    Health(#[from] HealthError),
    /// A part of the running server failed.
    #[error(transparent)]
    Task(#[from] TaskError),
}

impl ServerError {
    /// The whole story: what failed and, where its text does not say so yet, why.
    pub fn story(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            let why = error.to_string();
            if !text.contains(&why) {
                text = format!("{text}: {why}");
            }
            cause = error.source();
        }
        text
    }

    /// Whether it happened before there was a log to tell it in.
    pub fn is_before_log(&self) -> bool {
        matches!(self, Self::Config(_) | Self::Log(_))
    }
}
