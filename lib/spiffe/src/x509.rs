//! X.509: certificates as information, X.509-SVID rules, chain verification, and the two-step
//! building of certificates for signers that live elsewhere.

mod certificate;
mod draft;
pub mod extension;
mod name;
mod sequence;
mod verify;

pub use certificate::{CertificateInfo, KeyUsage, Serial};
pub use draft::{CertificateDraft, Extension, Unsigned};
pub use name::{NameBuilder, NameError};
pub use sequence::split_certificates;
pub use verify::{TrustAnchors, VerifiedPeer, spiffe_id_from_leaf, verify_chain, verify_member};

use crate::IdError;
use crate::key::KeyError;

/// Why a certificate or chain is refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum X509Error {
    /// The bytes are not a DER certificate.
    #[error("not an X.509 certificate: {0}")]
    Malformed(String),
    /// There is no certificate in the chain.
    #[error("certificate chain is empty")]
    EmptyChain,
    /// The leaf has no URI SAN.
    #[error("leaf certificate contains no URI SAN")]
    NoUri,
    /// The leaf has two or more URI SANs.
    #[error("leaf certificate contains more than one URI SAN")]
    ManyUris,
    /// The leaf's URI SAN is not a SPIFFE ID.
    #[error("leaf certificate URI SAN {uri:?} is not a SPIFFE ID: {source}")]
    Id {
        /// The URI as it stands in the certificate.
        uri: String,
        /// Which rule it breaks.
        source: IdError,
    },
    /// The leaf is a CA.
    #[error("leaf certificate must not have the CA flag set to true")]
    LeafIsCa,
    /// The leaf's key usage allows signing certificates.
    #[error("leaf certificate must not have 'keyCertSign' set as key usage")]
    LeafSignsCertificates,
    /// The leaf's key usage allows signing revocation lists.
    #[error("leaf certificate must not have 'cRLSign' set as key usage")]
    LeafSignsCrls,
    /// The leaf's ID is of another trust domain than the bundle.
    #[error("SPIFFE ID {id} is not a member of trust domain {trust_domain}")]
    ForeignTrustDomain {
        /// Whose certificate it is.
        id: String,
        /// Whose roots it was held against.
        trust_domain: String,
    },
    /// A certificate of the chain has expired.
    #[error("certificate has expired: not valid after {not_after}")]
    Expired {
        /// When it ended, RFC 3339.
        not_after: String,
    },
    /// A certificate of the chain is not valid yet.
    #[error("certificate is not valid yet: not valid before {not_before}; check the clocks")]
    NotYetValid {
        /// When it begins, RFC 3339.
        not_before: String,
    },
    /// No root in the bundle has signed the chain.
    #[error("certificate signed by unknown authority")]
    UnknownAuthority,
    /// Any other finding of the chain verification.
    #[error("certificate chain does not verify: {0}")]
    Chain(String),
    /// A certificate cannot be built from these parts.
    #[error("cannot encode certificate: {0}")]
    Encode(String),
    /// A key in it cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl From<der::Error> for X509Error {
    fn from(error: der::Error) -> Self {
        Self::Encode(error.to_string())
    }
}

#[cfg(test)]
mod tests;
