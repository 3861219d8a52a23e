//! The roots that count at the moment of a handshake.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use steeple_spiffe::{
    Bundle, TrustDomain,
    x509::{TrustAnchors, VerifiedPeer, X509Error},
};

/// Where the bundle of a trust domain comes from. Asked within a handshake, so it answers from
/// memory.
pub trait Bundles: Send + Sync {
    /// The current bundle, of trust domains that have one.
    fn bundle(&self, trust_domain: &TrustDomain) -> Option<Arc<Bundle>>;
}

impl<F> Bundles for F
where
    F: Fn(&TrustDomain) -> Option<Arc<Bundle>> + Send + Sync,
{
    fn bundle(&self, trust_domain: &TrustDomain) -> Option<Arc<Bundle>> {
        self(trust_domain)
    }
}

/// Parsed roots of the bundle that was seen last, so that handshakes do not parse it each time.
#[derive(Debug, Default)]
pub(crate) struct RootCache(ArcSwapOption<(Arc<Bundle>, TrustAnchors)>);

impl RootCache {
    /// Verifies a chain against the roots of `bundle`.
    pub(crate) fn verify(
        &self,
        bundle: &Arc<Bundle>,
        chain: &[&CertificateDer<'_>],
        now: Timestamp,
    ) -> Result<VerifiedPeer, X509Error> {
        if let Some(cached) = self.0.load().as_deref()
            && Arc::ptr_eq(&cached.0, bundle)
        {
            return cached.1.verify(chain, now);
        }
        let anchors = TrustAnchors::new(&bundle.x509_authorities)?;
        let verified = anchors.verify(chain, now);
        self.0.store(Some(Arc::new((Arc::clone(bundle), anchors))));
        verified
    }
}
