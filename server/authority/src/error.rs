//! The one error of the authority.

use steeple_plugin_sdk::PluginError;
use steeple_spiffe::{
    csr::CsrError,
    jwt::JwtError,
    key::KeyError,
    x509::{NameError, X509Error},
};
use steeple_store::StoreError;

/// Why something was not signed, or an authority not prepared.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// No CA is active: none could be prepared yet.
    #[error("X509 CA is not available for signing")]
    NoX509Ca,
    /// No JWT key is active.
    #[error("JWT key is not available for signing")]
    NoJwtKey,
    /// The active authority has expired, and the next is not there yet.
    #[error("{what} has expired at {expired_at}; its rotation has failed, see the log")]
    Expired {
        /// `X509 CA` or `JWT key`.
        what: &'static str,
        /// When.
        expired_at: jiff::Timestamp,
    },
    /// What should be signed breaks a rule: the caller's mistake.
    #[error("invalid {what}: {reason}")]
    Invalid {
        /// Such as `X509-SVID ID`.
        what: &'static str,
        /// The value and the rule.
        reason: String,
    },
    /// The key manager failed.
    #[error("key manager failed to {what}: {source}")]
    KeyManager {
        /// Such as `sign with key "x509-CA-A"`.
        what: String,
        /// Its answer.
        source: PluginError,
    },
    /// The upstream authority failed.
    #[error("upstream authority failed to mint the X509 CA: {0}")]
    Upstream(PluginError),
    /// The upstream authority, or the key manager, made a CA that cannot be used.
    #[error("X509 CA is unusable: {0}")]
    BadCa(String),
    /// The database failed.
    #[error("failed to {what}: {source}")]
    Store {
        /// Such as `append to the bundle`.
        what: &'static str,
        /// Its answer.
        source: StoreError,
    },
    /// The journal in the database cannot be read.
    #[error("CA journal record {id} cannot be decoded: {reason}")]
    BadJournal {
        /// The row.
        id: i64,
        /// What is wrong with it.
        reason: String,
    },
    /// A certificate could not be built.
    #[error(transparent)]
    X509(#[from] X509Error),
    /// A name could not be built.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A CSR could not be built.
    #[error(transparent)]
    Csr(#[from] CsrError),
    /// A token could not be built.
    #[error(transparent)]
    Jwt(#[from] JwtError),
    /// The cryptography library failed.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl AuthorityError {
    pub(crate) fn store(what: &'static str) -> impl FnOnce(StoreError) -> Self {
        move |source| Self::Store { what, source }
    }

    pub(crate) fn key_manager(what: String) -> impl FnOnce(PluginError) -> Self {
        move |source| Self::KeyManager { what, source }
    }
}
