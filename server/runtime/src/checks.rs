//! The server's health checks, under the names and details that SPIRE shows.

use std::sync::Arc;

use async_trait::async_trait;
use steeple_authority::{Authority, WorkloadX509};
use steeple_lifecycle::health::{Check, Health, HealthError, State};
use steeple_registry::Registry;
use steeple_spiffe::key::{KeyType, PrivateKey};
use steeple_store::Store;

/// The path of the SVID that is signed to see whether signing works, and thrown away.
const PROBE: &str = "/for/health/check/only";

/// Adds the server's four checks.
pub(crate) fn add(
    health: &Health,
    registry: Arc<Registry>,
    authority: Arc<Authority>,
    store: Arc<dyn Store>,
) -> Result<(), HealthError> {
    health.add("server", Arc::new(BundleServed(Arc::clone(&registry))))?;
    health.add("server.ca", Arc::new(Signs(Arc::clone(&authority))))?;
    health.add("server.ca.rotator", Arc::new(Rotates(authority)))?;
    health.add("catalog.datastore", Arc::new(Reads { registry, store }))
}

struct BundleServed(Arc<Registry>);

#[async_trait]
impl Check for BundleServed {
    async fn check(&self) -> State {
        match self.0.bundles().own() {
            Some(_) => State::healthy(),
            None => State::failed(
                "get_bundle_err",
                "unable to fetch bundle: there is none yet",
            ),
        }
    }
}

struct Signs(Arc<Authority>);

impl Signs {
    async fn sign(&self) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let key = PrivateKey::generate(KeyType::EcP256)?;
        let probe = WorkloadX509 {
            public_key: key.public_key_der().to_vec(),
            spiffe_id: self.0.config().trust_domain.member(PROBE)?,
            dns_names: Vec::new(),
            ttl: None,
            subject: None,
        };
        self.0.sign_workload_x509(probe).await?;
        Ok(())
    }
}

#[async_trait]
impl Check for Signs {
    async fn check(&self) -> State {
        match self.sign().await {
            Ok(()) => State::healthy(),
            Err(error) => State::failed("sign_x509_svid_err", error.to_string()),
        }
    }
}

struct Rotates(Arc<Authority>);

#[async_trait]
impl Check for Rotates {
    async fn check(&self) -> State {
        if self.0.state().borrow().is_healthy() {
            State::healthy()
        } else {
            State::failed(
                "rotation_err",
                "rotations exceed the threshold number of failures",
            )
        }
    }
}

struct Reads {
    registry: Arc<Registry>,
    store: Arc<dyn Store>,
}

#[async_trait]
impl Check for Reads {
    async fn check(&self) -> State {
        match self.store.fetch_bundle(self.registry.trust_domain()).await {
            Ok(_) => State::healthy(),
            Err(error) => State::failed("list_bundle_err", error.to_string()),
        }
    }
}
