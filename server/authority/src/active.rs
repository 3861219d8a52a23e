//! The authorities that sign right now, with everything precomputed that does not change from one
//! SVID to the next.

use std::sync::Arc;

use jiff::Timestamp;
use steeple_plugin_sdk::keymanager::{KeyManager, SignatureScheme};
use steeple_spiffe::{
    jwt::Algorithm,
    x509::{CertificateInfo, Extension, extension},
};

use crate::AuthorityError;

/// A key in the key manager, and how to sign with it.
#[derive(Clone)]
pub(crate) struct RemoteKey {
    pub(crate) manager: Arc<dyn KeyManager>,
    pub(crate) id: String,
    pub(crate) scheme: SignatureScheme,
    pub(crate) public_key: Vec<u8>,
}

impl RemoteKey {
    pub(crate) async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, AuthorityError> {
        let what = || format!("sign with key {:?}", self.id);
        let signed = self.manager.sign(&self.id, self.scheme, message).await;
        signed.map_err(|source| AuthorityError::KeyManager {
            what: what(),
            source,
        })
    }
}

impl std::fmt::Debug for RemoteKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RemoteKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// An X.509 CA.
#[derive(Debug)]
pub(crate) struct X509Ca {
    pub(crate) key: RemoteKey,
    pub(crate) certificate: CertificateInfo,
    /// The CA's certificate and those between it and the root; empty when self-signed.
    pub(crate) upstream_chain: Vec<Vec<u8>>,
    /// The authority key identifier of what it signs.
    pub(crate) authority_key_id: Extension,
    /// Its subject key identifier as text.
    pub(crate) authority_id: String,
}

impl X509Ca {
    pub(crate) fn new(
        key: RemoteKey,
        certificate: CertificateInfo,
        upstream_chain: Vec<Vec<u8>>,
    ) -> Result<Self, AuthorityError> {
        let authority_id = certificate.authority_id()?;
        let key_id = match &certificate.subject_key_id {
            Some(id) => id.clone(),
            None => steeple_spiffe::keyid::subject_key_id(&certificate.public_key)?.to_vec(),
        };
        let authority_key_id = extension::authority_key_id(&key_id)?;
        Ok(Self {
            key,
            certificate,
            upstream_chain,
            authority_key_id,
            authority_id,
        })
    }

    /// The ID of the key above it; empty when self-signed.
    pub(crate) fn upstream_authority_id(&self) -> String {
        self.certificate.issuer_authority_id()
    }

    /// How many certificates lead from here to the root: what a downstream CA is named by.
    pub(crate) fn depth(&self) -> usize {
        self.upstream_chain.len().max(1)
    }
}

/// A JWT signing key.
#[derive(Debug)]
pub(crate) struct JwtKey {
    pub(crate) key: RemoteKey,
    pub(crate) algorithm: Algorithm,
    pub(crate) key_id: String,
    pub(crate) not_after: Timestamp,
}
