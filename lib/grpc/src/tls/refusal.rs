//! Why a peer's certificate was refused, carried through rustls as its own kind of error.

use std::{io, sync::Arc};

use rustls::{CertificateError, OtherError};
use steeple_spiffe::{SpiffeId, x509::X509Error};

/// Why a peer's certificate is not accepted.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// The certificate or its chain breaks a rule.
    #[error(transparent)]
    Chain(#[from] X509Error),
    /// The chain ends at an authority nobody here knows.
    #[error("certificate of {0} signed by unknown authority")]
    UnknownAuthority(SpiffeId),
    /// It is a valid SVID of a trust domain that has no business here.
    #[error("unexpected trust domain in ID \"{0}\"")]
    Foreign(SpiffeId),
    /// There are no roots to hold the certificate against.
    #[error("no bundle found for trust domain \"{0}\"")]
    NoBundle(String),
    /// It is somebody else than was expected.
    #[error("unexpected ID \"{found}\", expected \"{expected}\"")]
    WrongId {
        /// Whose certificate it is.
        found: SpiffeId,
        /// Who should have been there.
        expected: SpiffeId,
    },
}

impl From<Refusal> for rustls::Error {
    fn from(refusal: Refusal) -> Self {
        rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(refusal))))
    }
}

/// Finds the refusal in the error that a handshake ended with.
pub(crate) fn find(error: &io::Error) -> Option<&Refusal> {
    match error.get_ref()?.downcast_ref::<rustls::Error>()? {
        rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(inner))) => {
            inner.downcast_ref::<Refusal>()
        }
        _ => None,
    }
}
