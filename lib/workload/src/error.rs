//! Why the Workload API did not give what was asked.

use steeple_spiffe::{IdError, key::KeyError, x509::X509Error};
use tonic::{Code, Status};

/// Why the Workload API did not give what was asked.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkloadError {
    /// The agent answered with an error, or could not be reached.
    #[error("{operation} failed: rpc error: code = {code:?} desc = {message}", code = status.code(), message = status.message())]
    Call {
        /// What was asked.
        operation: &'static str,
        /// The answer.
        status: Status,
    },
    /// The answer has no SVID in it.
    #[error("the Workload API answered without an SVID")]
    NoSvid,
    /// A SPIFFE ID or trust domain in the answer is invalid.
    #[error("the Workload API answered with an invalid SPIFFE ID {text:?}: {source}")]
    Id {
        /// As it came.
        text: String,
        /// The rule it breaks.
        source: IdError,
    },
    /// A certificate in the answer cannot be read.
    #[error("the Workload API answered with an unreadable certificate: {0}")]
    Certificate(#[from] X509Error),
    /// A private key in the answer cannot be read.
    #[error("the Workload API answered with an unreadable private key: {0}")]
    Key(#[from] KeyError),
    /// A JWT bundle in the answer cannot be read.
    #[error("the Workload API answered with an unreadable JWT bundle for {trust_domain}: {reason}")]
    JwtBundle {
        /// Whose.
        trust_domain: String,
        /// What is wrong.
        reason: String,
    },
}

impl WorkloadError {
    pub(crate) fn call(operation: &'static str) -> impl FnOnce(Status) -> Self {
        move |status| Self::Call { operation, status }
    }

    /// The gRPC code, where the agent answered at all.
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Call { status, .. } => Some(status.code()),
            _ => None,
        }
    }

    /// Whether the agent does not know the caller, or not yet.
    pub fn is_denied(&self) -> bool {
        self.code() == Some(Code::PermissionDenied)
    }

    /// Whether asking again cannot help: the agent finds the request itself wrong.
    pub fn is_final(&self) -> bool {
        self.code() == Some(Code::InvalidArgument)
    }
}
