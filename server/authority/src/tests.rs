//! The authority against a store and key managers in memory, over whole lifetimes of CAs.

mod issuing;
mod restart;
mod rotating;
mod store;
mod upstream;

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use steeple_lifecycle::Clock;
use steeple_plugin_sdk::keymanager::{KeyManager, KeyType};
use steeple_spiffe::{Bundle, TrustDomain, key::PrivateKey};
use steeple_store::BundleStore as _;

use self::store::MemoryStore;
use crate::{
    Authority, AuthorityConfig, AuthorityError, IssuedX509, Parts, Rotation, WorkloadX509,
};

const HOUR: Duration = Duration::from_secs(3600);

fn start() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn trust_domain() -> TrustDomain {
    TrustDomain::parse("example.org").unwrap()
}

/// What outlives a restart of the authority.
struct World {
    config: AuthorityConfig,
    keys: Arc<dyn KeyManager>,
    store: Arc<MemoryStore>,
    clock: Clock,
}

impl World {
    fn new() -> Self {
        Self {
            config: AuthorityConfig::defaults(trust_domain()),
            keys: steeple_builtin::keymanager::memory::new(),
            store: Arc::default(),
            clock: Clock::following_tokio(start()),
        }
    }

    fn parts(&self) -> Parts {
        Parts {
            key_manager: Arc::clone(&self.keys),
            upstream: None,
            journals: Arc::<MemoryStore>::clone(&self.store),
            bundles: Arc::<MemoryStore>::clone(&self.store),
            clock: self.clock.clone(),
        }
    }

    async fn start(&self) -> (Arc<Authority>, Rotation) {
        self.try_start().await.unwrap()
    }

    async fn try_start(&self) -> Result<(Arc<Authority>, Rotation), AuthorityError> {
        Authority::start(self.config.clone(), self.parts()).await
    }

    async fn bundle(&self) -> Arc<Bundle> {
        self.store
            .fetch_bundle(&trust_domain())
            .await
            .unwrap()
            .unwrap()
    }
}

fn active(authority: &Authority) -> String {
    authority
        .state()
        .borrow()
        .x509
        .active
        .clone()
        .unwrap()
        .authority_id
}

fn request() -> WorkloadX509 {
    WorkloadX509 {
        public_key: PrivateKey::generate(KeyType::EcP256)
            .unwrap()
            .public_key_der()
            .to_vec(),
        spiffe_id: trust_domain().member("/workload").unwrap(),
        dns_names: vec![],
        ttl: None,
        subject: None,
    }
}

async fn issue(authority: &Authority) -> IssuedX509 {
    authority.sign_workload_x509(request()).await.unwrap()
}
