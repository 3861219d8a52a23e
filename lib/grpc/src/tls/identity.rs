//! The certificate chain and key that this process presents.

use std::{fmt, sync::Arc};

use rustls::sign::{CertifiedKey, SigningKey};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::provider;

/// Why a key cannot be used for TLS.
#[derive(Clone, Debug, thiserror::Error)]
pub enum IdentityError {
    /// The PKCS#8 key is broken or of a type TLS does not use.
    #[error("the private key cannot be used for TLS: {0}")]
    UnusableKey(rustls::Error),
    /// There is no certificate to present.
    #[error("the certificate chain is empty")]
    EmptyChain,
}

/// An X.509-SVID of this process, ready to be presented. Cheap to clone.
#[derive(Clone)]
pub struct Identity(Arc<CertifiedKey>);

impl Identity {
    /// From a chain (DER, leaf first) and the leaf's key as PKCS#8 DER.
    ///
    /// # Errors
    /// When the chain is empty or the key is of no use for TLS.
    pub fn from_pkcs8(chain: &[Vec<u8>], key: &[u8]) -> Result<Self, IdentityError> {
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.to_vec()));
        let key = provider()
            .key_provider
            .load_private_key(key)
            .map_err(IdentityError::UnusableKey)?;
        Self::from_signer(chain, key)
    }

    /// From a chain and something that signs for the leaf's key, such as a key manager.
    ///
    /// # Errors
    /// When the chain is empty.
    pub fn from_signer(chain: &[Vec<u8>], key: Arc<dyn SigningKey>) -> Result<Self, IdentityError> {
        if chain.is_empty() {
            return Err(IdentityError::EmptyChain);
        }
        let chain = chain.iter().cloned().map(CertificateDer::from).collect();
        Ok(Self(Arc::new(CertifiedKey::new(chain, key))))
    }

    /// What rustls presents.
    pub(crate) fn certified(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.0)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({} certificates)", self.0.cert.len())
    }
}
