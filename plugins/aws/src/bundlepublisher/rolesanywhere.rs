//! BundlePublisher `aws_rolesanywhere_trustanchor`: the X.509 authorities become the certificate
//! bundle of a trust anchor of IAM Roles Anywhere. The only call is UpdateTrustAnchor.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_rolesanywhere::{
    Client,
    types::{Source, SourceData, TrustAnchorType},
};
use steeple_plugin_sdk::{
    PluginError,
    builtin::Configured,
    bundlepublisher::BundlePublisher,
    config::{CoreConfig, PluginData},
};
use steeple_spiffe::Bundle;

use crate::{
    access::{Access, required},
    failure::explain,
};

/// Its name in the configuration.
pub const NAME: &str = "aws_rolesanywhere_trustanchor";

/// The longest certificate bundle that the service takes, in characters of PEM.
const LONGEST_PEM: usize = 8000;
/// How many certificates a trust anchor holds unless its quota was raised.
const USUAL_CERTIFICATES: usize = 2;

struct TrustAnchor {
    client: Client,
    id: String,
}

/// Reads `region`, `trust_anchor_id` and the access keys.
pub fn configure(_: &CoreConfig, data: &PluginData<'_>) -> Option<Configured<dyn BundlePublisher>> {
    let access = Access::read(data);
    let region = access.require_region(data);
    let id = required(
        data,
        "trust_anchor_id",
        "configuration is missing the trust anchor id",
    );
    let ((), id) = region.zip(id)?;
    Some(Configured::new(async move {
        let client = Client::new(&access.sdk_config().await);
        let plugin: Arc<dyn BundlePublisher> = Arc::new(TrustAnchor { client, id });
        Ok(plugin)
    }))
}

#[async_trait]
impl BundlePublisher for TrustAnchor {
    async fn publish(&self, bundle: &Bundle) -> Result<(), PluginError> {
        let source = Source::builder()
            .source_type(TrustAnchorType::CertificateBundle)
            .source_data(SourceData::X509CertificateData(pem(bundle)?))
            .build();
        let call = self.client.update_trust_anchor();
        let call = call.trust_anchor_id(&self.id).source(source).send();
        let answer = call.await.map_err(|error| {
            let text = format!(
                "failed to update trust anchor {}: {}{}",
                self.id,
                explain(&error),
                too_many(bundle)
            );
            PluginError::Internal(text)
        })?;
        let anchor = answer.trust_anchor();
        tracing::debug!(
            arn = anchor.and_then(|anchor| anchor.trust_anchor_arn()),
            trust_anchor_name = anchor.and_then(|anchor| anchor.name()),
            external = false,
            plugin_name = NAME,
            plugin_type = "BundlePublisher",
            subsystem_name = NAME,
            "Bundle published"
        );
        Ok(())
    }
}

/// The bundle as the service wants it.
fn pem(bundle: &Bundle) -> Result<String, PluginError> {
    let pem = bundle.to_pem();
    let count = bundle.x509_authorities.len();
    if count == 0 {
        let text = "bundle has no X.509 authority; a trust anchor cannot be empty";
        return Err(PluginError::InvalidArgument(text.to_owned()));
    }
    if pem.len() > LONGEST_PEM {
        let text = format!(
            "bundle too large: its {count} X.509 authorities are {} characters of PEM, and a trust \
             anchor takes {LONGEST_PEM}; use ECDSA roots, or let old authorities expire before new \
             ones are made",
            pem.len()
        );
        return Err(PluginError::InvalidArgument(text));
    }
    Ok(pem)
}

/// What may be behind a refusal: the quota is the account's, so only the service knows it.
fn too_many(bundle: &Bundle) -> String {
    match bundle.x509_authorities.len() {
        count if count > USUAL_CERTIFICATES => format!(
            " (the bundle has {count} X.509 authorities, and a trust anchor holds \
             {USUAL_CERTIFICATES} unless its quota was raised)"
        ),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests;
