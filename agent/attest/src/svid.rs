//! The agent's own X.509-SVID.

use std::sync::Arc;

use jiff::Timestamp;
use steeple_grpc::{Identity, IdentityError};
use steeple_plugin_sdk::keymanager::KeyManager;
use steeple_spiffe::{
    Bundle, SpiffeId,
    x509::{CertificateInfo, X509Error, spiffe_id_from_leaf},
};

use crate::signer::ManagedKey;

/// The agent's certificates and which key they are for.
#[derive(Clone, Debug)]
pub struct AgentSvid {
    /// The agent's ID.
    pub id: SpiffeId,
    /// The certificates, DER, leaf first.
    pub chain: Vec<Vec<u8>>,
    /// The key's id in the key manager.
    pub key_id: String,
    /// Whether the node may attest again.
    pub reattestable: bool,
    /// When the leaf becomes valid.
    pub not_before: Timestamp,
    /// When it expires.
    pub not_after: Timestamp,
    /// The authority above the last certificate.
    authority_id: String,
}

impl AgentSvid {
    /// Reads a chain.
    ///
    /// # Errors
    /// When it is empty or its leaf is no SVID.
    pub(crate) fn read(
        chain: Vec<Vec<u8>>,
        key_id: String,
        reattestable: bool,
    ) -> Result<Self, X509Error> {
        let empty = || X509Error::Malformed("empty SVID cert chain".to_owned());
        let leaf = CertificateInfo::parse(chain.first().ok_or_else(empty)?)?;
        let last = CertificateInfo::parse(chain.last().ok_or_else(empty)?)?;
        Ok(Self {
            id: spiffe_id_from_leaf(&leaf.der)?,
            chain,
            key_id,
            reattestable,
            not_before: leaf.not_before,
            not_after: leaf.not_after,
            authority_id: last.issuer_authority_id(),
        })
    }

    /// What is presented in a handshake.
    pub(crate) fn identity(&self, manager: Arc<dyn KeyManager>) -> Result<Identity, IdentityError> {
        let key = ManagedKey {
            manager,
            id: self.key_id.clone(),
        };
        Identity::from_signer(&self.chain, Arc::new(key))
    }

    /// Whether it chains to an authority that is to be given up.
    pub(crate) fn is_tainted(&self, bundle: &Bundle) -> bool {
        bundle
            .x509_authorities
            .iter()
            .filter(|root| root.tainted)
            .any(|root| {
                CertificateInfo::parse(&root.der)
                    .and_then(|root| root.authority_id())
                    .is_ok_and(|id| id == self.authority_id)
            })
    }
}
