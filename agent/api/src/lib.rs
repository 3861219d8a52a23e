//! The agent's gRPC services on the public socket: the Workload API, health and reflection.
//!
//! A caller is found out once a call ([`steeple_attest::Workloads`]), from the process that the
//! kernel names as the peer; what its selectors are entitled to comes from the cache, from memory.

mod health;
mod reflection;
mod sds;
mod workload;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use steeple_attest::Workloads;
use steeple_cache::Cache;
use steeple_lifecycle::Clock;
use steeple_spiffe::TrustDomain;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

/// What the services are made of.
#[derive(Clone)]
pub struct ApiConfig {
    /// The trust domain that is served.
    pub trust_domain: TrustDomain,
    /// Entries, SVIDs and bundles.
    pub cache: Cache,
    /// Finds out who is calling.
    pub workloads: Arc<Workloads>,
    /// The time.
    pub clock: Clock,
    /// Whether the Workload API is served at all.
    pub workload_api: bool,
    /// Whether callers without an identity may have the own trust domain's bundle.
    pub unauthenticated_verifiers: bool,
    /// Ends open streams when the agent stops.
    pub stopping: CancellationToken,
}

/// Every service of the public socket.
///
/// # Errors
/// When the descriptors of our own APIs cannot be read, which is a mistake in the build.
pub fn services(config: ApiConfig) -> Result<Routes, tonic_reflection::server::Error> {
    let config = Arc::new(config);
    let mut routes = Routes::new(health::service(&config)).add_service(sds::NotYet);
    if config.workload_api {
        routes = routes.add_service(workload::service(&config));
    }
    reflection::add(routes, config.workload_api)
}
