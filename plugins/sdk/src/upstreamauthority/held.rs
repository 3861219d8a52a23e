//! An upstream CA whose private key is in our hands: the certificate, the key and the roots as PEM
//! documents, wherever those are kept. A plugin says how to read them ([`CaSource`]); checking them
//! against each other, signing with them and reading them again is here.

mod documents;
mod mint;

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use async_trait::async_trait;
use steeple_spiffe::{X509Authority, key::PrivateKey, x509::CertificateInfo};
use tokio::sync::watch;

pub use self::{
    documents::{Document, DocumentError, Documents},
    mint::MintError,
};
use super::{MintedCa, UpstreamAuthority};
use crate::{PluginError, config::CoreConfig};

/// An upstream CA that can sign.
pub struct HeldCa {
    key: PrivateKey,
    certificate: CertificateInfo,
    /// The CA's certificate and those between it and the root, without roots.
    chain: Vec<Vec<u8>>,
    roots: Vec<X509Authority>,
}

/// Where the documents of an upstream CA are kept.
#[async_trait]
pub trait CaSource: Send + Sync {
    /// Reads them, as they are now.
    ///
    /// # Errors
    /// When they cannot be read, or are of no use; the text says which.
    async fn read(&self, core: &CoreConfig) -> Result<HeldCa, PluginError>;
}

/// The upstream authority that signs with what its source holds. The source is read again each
/// time a CA certificate is wanted, so documents can be replaced while the server runs; when they
/// have become unusable, the last good ones are used.
pub struct HeldAuthority<S> {
    core: CoreConfig,
    source: S,
    last_good: ArcSwap<HeldCa>,
    roots: watch::Sender<Vec<X509Authority>>,
}

impl<S: CaSource> HeldAuthority<S> {
    /// Reads the source for the first time.
    ///
    /// # Errors
    /// Those of [`CaSource::read`].
    pub async fn open(core: CoreConfig, source: S) -> Result<Self, PluginError> {
        let held = source.read(&core).await?;
        let roots = watch::channel(held.roots.clone()).0;
        Ok(Self {
            core,
            source,
            last_good: ArcSwap::from_pointee(held),
            roots,
        })
    }

    /// The CA as it is now; what was good before, when it no longer is.
    async fn reload(&self) -> Arc<HeldCa> {
        match self.source.read(&self.core).await {
            Ok(held) => {
                self.last_good.store(Arc::new(held));
                let held = self.last_good.load_full();
                self.roots.send_if_modified(|roots| {
                    let changed = *roots != held.roots;
                    if changed {
                        roots.clone_from(&held.roots);
                    }
                    changed
                });
                held
            }
            Err(error) => {
                tracing::warn!(
                    subsystem_name = "upstream_authority",
                    error = %error,
                    "Upstream CA cannot be read any more; going on with what was read before"
                );
                self.last_good.load_full()
            }
        }
    }
}

#[async_trait]
impl<S: CaSource> UpstreamAuthority for HeldAuthority<S> {
    async fn mint_x509_ca(
        &self,
        csr: &[u8],
        preferred_ttl: Option<Duration>,
    ) -> Result<MintedCa, PluginError> {
        let held = self.reload().await;
        let (core, csr) = (self.core.clone(), csr.to_vec());
        let chain = blocking(move || {
            held.mint(&csr, preferred_ttl, &core.trust_domain, core.clock.now())
                .map_err(|error| {
                    PluginError::InvalidArgument(format!("unable to sign CSR: {error}"))
                })
        })
        .await?;
        Ok(MintedCa {
            chain,
            roots: self.roots.subscribe(),
        })
    }
}

/// Does what takes a while (files, RSA) where no task waits for it.
///
/// # Errors
/// Those of `work`; [`PluginError::Internal`] when it was lost.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PluginError> + Send + 'static,
) -> Result<T, PluginError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|lost| PluginError::Internal(format!("upstream CA's work was lost: {lost}")))?
}
