//! Why the node has no identity.

use steeple_grpc::{ConnectError, DenialReason, connect_error, denial_reason};
use steeple_plugin_sdk::PluginError;
use steeple_spiffe::{
    csr::CsrError,
    x509::{NameError, X509Error},
};
use tonic::{Code, Status};

use crate::{DataError, bootstrap::BootstrapError};

/// Why attestation or renewal failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AttestError {
    /// There is no bundle to verify the server with.
    #[error(transparent)]
    Bootstrap(#[from] BootstrapError),
    /// What the agent keeps on disk cannot be read or written.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The agent's key cannot be made or used.
    #[error("unable to {0}: {1}")]
    Key(&'static str, PluginError),
    /// The node attestor has no answer.
    #[error("nodeattestor({0}): {1}")]
    Attestor(String, PluginError),
    /// The agent's name in a certificate request cannot be encoded.
    #[error("failed to generate CSR for attestation: {0}")]
    Subject(#[from] NameError),
    /// The certificate request cannot be made.
    #[error("failed to generate CSR for attestation: {0}")]
    Csr(#[from] CsrError),
    /// TLS cannot be set up.
    #[error("create attestation client: {0}")]
    Client(#[from] ConnectError),
    /// A call to the server failed.
    #[error("{operation}: rpc error: code = {code:?} desc = {}", status.message(), code = status.code())]
    Server {
        /// What was attempted.
        operation: &'static str,
        /// How it ended.
        status: Box<Status>,
    },
    /// What the server sent is no SVID or bundle.
    #[error("failed to parse attestation response: {0}")]
    Answer(String),
    /// The SVID has expired and could not be renewed in time.
    #[error("current SVID has already expired and {operation} failed: {cause}")]
    Expired {
        /// Renewal or attestation.
        operation: &'static str,
        /// Why it failed.
        cause: String,
    },
    /// The SVID is lost and the node cannot attest twice.
    #[error("attestation method is not re-attestable")]
    NotReattestable,
    /// No node attestor and no join token.
    #[error(
        "join token was not provided; start the agent with -joinToken, or configure a node attestor that needs none"
    )]
    NoToken,
}

impl From<X509Error> for AttestError {
    fn from(error: X509Error) -> Self {
        Self::Answer(format!("invalid SVID cert chain: {error}"))
    }
}

impl AttestError {
    pub(crate) fn server(operation: &'static str, status: Status) -> Self {
        Self::Server {
            operation,
            status: Box::new(status),
        }
    }

    /// Whether trying again as the same agent makes no sense: the server refuses it, or its files
    /// need a human.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Server { status, .. } => status.code() == Code::PermissionDenied,
            Self::Data(_) | Self::Expired { .. } | Self::NotReattestable | Self::NoToken => true,
            _ => false,
        }
    }

    /// The server's reason for denying the agent, where it gave one.
    pub fn denial(&self) -> Option<DenialReason> {
        match self {
            Self::Server { status, .. } => denial_reason(status),
            _ => None,
        }
    }

    /// Whether the server's certificate does not chain to the bundle.
    pub fn is_unknown_authority(&self) -> bool {
        match self {
            Self::Server { status, .. } => {
                matches!(
                    connect_error(status),
                    Some(ConnectError::UnknownAuthority { .. })
                )
            }
            _ => false,
        }
    }
}
