//! The agent's Workload API: the provider is a workload like others.

use steeple_spiffe::{JwtAuthority, TrustDomain};
use steeple_telemetry::chain;
use steeple_workload::{Address, Client};

/// The agent, asked for the JWT bundle of one trust domain.
pub(super) struct WorkloadApi {
    client: Client,
    trust_domain: TrustDomain,
}

impl WorkloadApi {
    pub(super) fn new(address: &Address, trust_domain: TrustDomain) -> Self {
        Self {
            client: Client::new(address),
            trust_domain,
        }
    }

    pub(super) async fn fetch(&self) -> Option<Vec<JwtAuthority>> {
        let mut answer = match self.client.fetch_jwt_bundles().await {
            Ok(answer) => answer,
            Err(error) => {
                let error = chain(&error);
                tracing::warn!(%error, "Failed to fetch JWKS from the Workload API");
                return None;
            }
        };
        let bundle = answer.bundles.remove(&self.trust_domain);
        if bundle.is_none() {
            let id = format!("spiffe://{}", self.trust_domain);
            tracing::error!(
                trust_domain_id = id,
                "No bundle for trust domain in Workload API response"
            );
        }
        bundle.map(|bundle| bundle.jwt_authorities)
    }
}
