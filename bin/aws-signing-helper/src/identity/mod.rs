//! Who signs: a certificate, what lies between it and the trust anchor, and its private key.

mod files;
mod key;
mod password;
mod pem;
mod pkcs12;
mod source;
#[cfg(feature = "pkcs11")]
mod token;
mod workload;

use std::fmt;

use steeple_spiffe::{
    key::same_public_key,
    x509::{CertificateInfo, X509Error},
};

pub(crate) use files::{Files, Paths};
pub(crate) use key::{Family, Hash, KeyError, PrivateKey};
pub(crate) use pem::{PemError, certificates};
pub(crate) use source::{Source, SourceError, key, supported};

use steeple_workload::WorkloadError;

/// Why there is no identity to sign with.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum IdentityError {
    /// A file that cannot be read.
    #[error("failed to read {what} {path:?}: {reason}")]
    Read {
        what: &'static str,
        path: String,
        reason: String,
    },
    /// A PEM file without what it is read for.
    #[error("{what} {path:?} cannot be used: {source}")]
    Pem {
        what: &'static str,
        path: String,
        source: PemError,
    },
    /// A key that cannot be used.
    #[error("private key {path:?} cannot be used: {source}")]
    Key { path: String, source: KeyError },
    /// An encrypted key or file, and no password that opens it.
    #[error("{path:?} cannot be decrypted: {reason}")]
    Password { path: String, reason: String },
    /// A PKCS#12 file that cannot be used.
    #[error("{path:?} is neither PEM nor a PKCS#12 file that can be used: {reason}")]
    Pkcs12 { path: String, reason: String },
    /// A token that does not give what it should.
    #[cfg(feature = "pkcs11")]
    #[error("PKCS#11 {uri:?}: {reason}")]
    Token { uri: String, reason: String },
    /// A certificate that cannot be read.
    #[error("certificate {path:?} cannot be read: {source}")]
    Certificate { path: String, source: X509Error },
    /// Certificate and key are not a pair.
    #[error("the private key in {key:?} does not belong to the certificate in {certificate:?}")]
    Mismatch { certificate: String, key: String },
    /// The agent did not give an SVID.
    #[error("no X.509-SVID from the Workload API at {address}: {source}")]
    Workload {
        address: String,
        source: WorkloadError,
    },
    /// The agent gave SVIDs, but not the one that was asked for.
    #[error("the Workload API at {address} has no X.509-SVID with the hint {hint:?}")]
    Hint { address: String, hint: String },
}

impl IdentityError {
    /// Whether the chain alone is what is wrong.
    fn is_chain(&self) -> bool {
        matches!(
            self,
            Self::Read { what, .. } | Self::Pem { what, .. } if *what == files::INTERMEDIATES
        )
    }
}

/// What signs and is sent. Key and certificate belong together.
pub(crate) struct Identity {
    /// The end-entity certificate.
    pub(crate) leaf: CertificateInfo,
    /// What lies between it and the trust anchor, DER, in the order in which it is sent.
    pub(crate) chain: Vec<Vec<u8>>,
    /// Its key.
    pub(crate) key: PrivateKey,
}

impl Identity {
    /// Checks that certificate and key are a pair. The names are for the error.
    fn new(
        leaf: &[u8],
        chain: Vec<Vec<u8>>,
        key: PrivateKey,
        names: (&str, &str),
    ) -> Result<Self, IdentityError> {
        let leaf = CertificateInfo::parse(leaf).map_err(|source| IdentityError::Certificate {
            path: names.0.to_owned(),
            source,
        })?;
        if !same_public_key(&leaf.public_key, key.public_der()) {
            return Err(IdentityError::Mismatch {
                certificate: names.0.to_owned(),
                key: names.1.to_owned(),
            });
        }
        Ok(Self { leaf, chain, key })
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("serial", &self.leaf.serial.to_string())
            .finish_non_exhaustive()
    }
}

/// The pair with which the golden request was signed.
#[cfg(test)]
pub(crate) fn golden() -> Identity {
    let certificates = |pem: &str| pem::certificates(pem.as_bytes()).unwrap();
    let key = match pem::private_key(include_bytes!("../../golden/rsa.key")).unwrap() {
        pem::StoredKey::Plain(der) => PrivateKey::from_der(&der).unwrap(),
        other => panic!("{other:?}"),
    };
    let leaf = certificates(include_str!("../../golden/rsa.pem"));
    let chain = certificates(include_str!("../../golden/chain.pem"));
    Identity::new(&leaf[0], chain, key, ("rsa.pem", "rsa.key")).unwrap()
}
