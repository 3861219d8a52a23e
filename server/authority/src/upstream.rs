//! A CA signed from above, and the upstream's roots in our bundle.

use std::sync::Arc;

use steeple_plugin_sdk::{PluginError, keymanager::KeyInfo, upstreamauthority::UpstreamAuthority};
use steeple_spiffe::{
    Bundle, X509Authority, csr::CsrDraft, key::same_public_key, x509::CertificateInfo,
};
use tokio::sync::watch;

use crate::{
    Authority, AuthorityError, Parts,
    active::X509Ca,
    load::remote,
    prepare::append,
    profile::{ca_subject, serial},
};

/// The upstream's roots as it last told them; nothing before the first CA was minted.
#[derive(Debug, Default)]
pub(crate) struct Roots(Option<watch::Receiver<Vec<X509Authority>>>);

impl Roots {
    /// Waits until the upstream tells other roots; for ever when it will not.
    pub(crate) async fn changed(&mut self) -> Vec<X509Authority> {
        if let Some(receiver) = &mut self.0
            && receiver.changed().await.is_ok()
        {
            return receiver.borrow_and_update().clone();
        }
        self.0 = None;
        std::future::pending().await
    }
}

impl Authority {
    /// Has `key` certified as a CA from above.
    pub(crate) async fn upstream_signed_ca(
        &self,
        parts: &Parts,
        upstream: &dyn UpstreamAuthority,
        key: &KeyInfo,
        told: &mut Roots,
    ) -> Result<X509Ca, AuthorityError> {
        let remote = remote(Arc::clone(&parts.key_manager), key);
        let draft = CsrDraft {
            subject: ca_subject(&self.config().ca_subject, &serial()?)?,
            uris: vec![self.config().trust_domain.id().to_string()],
            dns_names: Vec::new(),
            public_key: key.public_key.clone(),
        };
        let unsigned = draft.prepare(remote.scheme)?;
        let signature = remote.sign(unsigned.message()).await?;
        let csr = unsigned.finish(&signature)?;
        let minted = upstream
            .mint_x509_ca(&csr, Some(self.config().ca_ttl))
            .await
            .map_err(AuthorityError::Upstream)?;
        let mut receiver = minted.roots;
        let roots = receiver.borrow_and_update().clone();
        let first = minted.chain.first().ok_or_else(|| {
            AuthorityError::Upstream(PluginError::Internal(
                "it returned no certificate".to_owned(),
            ))
        })?;
        let certificate = CertificateInfo::parse(first)?;
        if !same_public_key(&certificate.public_key, &key.public_key) {
            let reason = "the upstream's certificate is for another key".to_owned();
            return Err(AuthorityError::BadCa(reason));
        }
        let ca = X509Ca::new(remote, certificate, minted.chain)?;
        self.check_ca(&ca, &roots).await?;
        self.publish_roots(parts, roots).await?;
        told.0 = Some(receiver);
        Ok(ca)
    }

    /// Adds the upstream's roots to the bundle where they are missing. One that is there already
    /// keeps its mark.
    pub(crate) async fn publish_roots(
        &self,
        parts: &Parts,
        roots: Vec<X509Authority>,
    ) -> Result<(), AuthorityError> {
        let trust_domain = &self.config().trust_domain;
        let fetched = parts.bundles.fetch_bundle(trust_domain).await;
        let known = fetched.map_err(AuthorityError::store("fetch the trust bundle"))?;
        let known = known
            .as_deref()
            .map_or(&[][..], |bundle| &bundle.x509_authorities);
        let mut addition = Bundle::empty(trust_domain.clone());
        addition.x509_authorities = roots
            .into_iter()
            .filter(|root| known.iter().all(|known| known.der != root.der))
            .collect();
        if addition.x509_authorities.is_empty() {
            return Ok(());
        }
        append(parts, addition).await
    }
}
