//! JWT-SVIDs (JWT-SVID standard): compact tokens read, verified, and built for remote signers.

mod algorithm;
mod claims;
mod token;
mod verify;

pub use algorithm::Algorithm;
pub use claims::Claims;
pub use serde_json::Value;
pub use token::{Header, UnsignedToken, UnverifiedToken, parse_unverified};
pub use verify::{JwtSvid, LEEWAY, verify};

use crate::IdError;
use crate::key::KeyError;

/// Why a token is refused. Where SPIFFE clients compare the text, it is theirs.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum JwtError {
    /// It is not three base64url parts with JSON in the first two.
    #[error("unable to parse JWT token: {0}")]
    Malformed(String),
    /// The header's algorithm is not one that JWT-SVIDs may use.
    #[error("unable to parse JWT token: unexpected signature algorithm {0:?}")]
    Algorithm(String),
    /// The header marks extensions as critical; we know none.
    #[error("unable to parse JWT token: unsupported critical header parameters")]
    Critical,
    /// The header's `typ` is another.
    #[error("token header type not equal to either JWT or JOSE")]
    Type,
    /// No `kid`.
    #[error("token header missing key id")]
    NoKeyId,
    /// No `sub`.
    #[error("token missing subject claim")]
    NoSubject,
    /// No `exp`.
    #[error("token missing exp claim")]
    NoExpiry,
    /// No `aud`.
    #[error("token missing aud claim")]
    NoAudience,
    /// `sub` is not a SPIFFE ID.
    #[error("token has an invalid subject claim: {0}")]
    Subject(IdError),
    /// There is no bundle for the subject's trust domain.
    #[error("no keys found for trust domain {0:?}")]
    UnknownTrustDomain(String),
    /// The bundle has no key of that name.
    #[error("public key {key_id:?} not found in trust domain {trust_domain:?}")]
    UnknownKey {
        /// The header's `kid`.
        key_id: String,
        /// The subject's trust domain.
        trust_domain: String,
    },
    /// The signature was not made with that key.
    #[error("token signature does not verify with public key {0:?}")]
    Signature(String),
    /// None of the audiences is the expected one.
    #[error("expected audience in {expected} (audience={found})")]
    Audience {
        /// What the caller accepts, quoted as Go prints a list.
        expected: String,
        /// What the token has.
        found: String,
    },
    /// `exp` has passed.
    #[error("token has expired")]
    Expired,
    /// `nbf` is ahead.
    #[error("token is not valid yet (nbf)")]
    NotYetValid,
    /// `iat` is ahead.
    #[error("token was issued in the future (iat); check the clocks")]
    IssuedInFuture,
    /// The signer's output is not what the algorithm makes.
    #[error("signer returned a malformed signature")]
    SignerOutput,
    /// A key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
}

#[cfg(test)]
mod tests;
