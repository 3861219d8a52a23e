//! UpstreamAuthority: signs the server's CA certificate with a key above it.

pub mod held;

use std::time::Duration;

use async_trait::async_trait;
use steeple_spiffe::X509Authority;
use tokio::sync::watch;

use crate::PluginError;

/// A CA certificate from above, and the roots it chains to.
#[derive(Clone, Debug)]
pub struct MintedCa {
    /// The new CA certificate and those between it and the root, each DER, the new one first.
    pub chain: Vec<Vec<u8>>,
    /// The upstream's roots; the sender lives as long as the plugin watches for changes.
    pub roots: watch::Receiver<Vec<X509Authority>>,
}

/// An authority above the server's.
#[async_trait]
pub trait UpstreamAuthority: Send + Sync {
    /// Has the CSR (DER, PKCS#10) signed as a CA certificate.
    ///
    /// `preferred_ttl` is a wish; what upstream grants is in the certificate.
    async fn mint_x509_ca(
        &self,
        csr: &[u8],
        preferred_ttl: Option<Duration>,
    ) -> Result<MintedCa, PluginError>;
}
