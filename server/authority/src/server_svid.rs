//! The server's own SVID: a key in memory, replaced at half life.

use std::sync::Arc;

use jiff::Timestamp;
use steeple_spiffe::key::PrivateKey;

use crate::{Authority, AuthorityError};

/// What the server shows on its TCP endpoint.
#[derive(Clone, Debug)]
pub struct ServerSvid {
    /// Certificate and intermediates, each DER.
    pub chain: Vec<Vec<u8>>,
    /// The private key.
    pub key: Arc<PrivateKey>,
    /// First moment of validity.
    pub not_before: Timestamp,
    /// Last moment of validity.
    pub expires_at: Timestamp,
}

impl ServerSvid {
    /// When it should be replaced: half life, counted from the back-dated begin as SPIRE does.
    pub fn half_life(&self) -> Timestamp {
        self.not_before + self.expires_at.duration_since(self.not_before) / 2
    }
}

impl Authority {
    /// Makes a new server SVID.
    pub(crate) async fn issue_server_svid(&self) -> Result<Arc<ServerSvid>, AuthorityError> {
        tracing::debug!(subsystem_name = "svid_rotator", "Rotating server SVID");
        let key_type = self.config().ca_key_type;
        // An RSA key of 4096 bits takes seconds to make.
        let key = tokio::task::spawn_blocking(move || PrivateKey::generate(key_type))
            .await
            .map_err(|_| steeple_spiffe::key::KeyError::Crypto("generate a key"))??;
        let issued = self.sign_server_x509(key.public_key_der()).await?;
        tracing::debug!(
            subsystem_name = "svid_rotator",
            spiffe_id = %issued.spiffe_id,
            expiration = %issued.expires_at,
            "Signed X509 SVID"
        );
        Ok(Arc::new(ServerSvid {
            chain: issued.chain,
            key: Arc::new(key),
            not_before: issued.not_before,
            expires_at: issued.expires_at,
        }))
    }
}
