//! A server without endpoints, and callers of every kind.

use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use jiff::Timestamp;
use steeple_authority::{Authority, AuthorityConfig, IssuedX509, Parts, WorkloadX509};
use steeple_grpc::{Caller, PeerProcess, PeerSvid};
use steeple_lifecycle::Clock;
use steeple_registry::Registry;
use steeple_spiffe::{
    SpiffeId, TrustDomain,
    csr::build_csr,
    key::{KeyType, PrivateKey},
};
use steeple_store::Store;
use steeple_store_sql::{SqlOptions, SqlStore};
use tonic::body::Body;
use tower::Service;

use crate::{ApiConfig, Gate, LimitsEnabled, services};

pub(super) struct World {
    pub(super) gate: Gate,
    pub(super) registry: Arc<Registry>,
    pub(super) authority: Arc<Authority>,
    pub(super) clock: Clock,
    config: ApiConfig,
    _folder: tempfile::TempDir,
}

pub(super) fn id(path: &str) -> SpiffeId {
    TrustDomain::parse("td").unwrap().member(path).unwrap()
}

impl World {
    pub(super) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(super) async fn with(change: impl FnOnce(&mut ApiConfig)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::system();
        let options = SqlOptions::new(folder.path().join("db").to_str().unwrap()).unwrap();
        let store: Arc<dyn Store> = Arc::new(SqlStore::open(options, clock.clone()).await.unwrap());
        let domain = TrustDomain::parse("td").unwrap();
        let registry = Registry::start(domain.clone(), Arc::clone(&store), clock.clone())
            .await
            .unwrap();
        let parts = Parts {
            key_manager: steeple_builtin::keymanager::memory::new(),
            upstream: None,
            journals: Arc::<dyn Store>::clone(&store),
            bundles: store,
            clock: clock.clone(),
        };
        let config = AuthorityConfig::defaults(domain);
        let (authority, _rotation) = Authority::start(config, parts).await.unwrap();
        let mut config = ApiConfig {
            registry: Arc::clone(&registry),
            authority: Arc::clone(&authority),
            clock: clock.clone(),
            attestors: Vec::new(),
            admin_ids: vec![id("/configured-admin")],
            limits: LimitsEnabled {
                attestation: false,
                signing: true,
            },
            jwt_disabled: false,
            agent_id_as_selector: false,
        };
        change(&mut config);
        let gate = services(config.clone());
        Self {
            gate,
            config,
            registry,
            authority,
            clock,
            _folder: folder,
        }
    }

    pub(super) fn config(&self) -> ApiConfig {
        self.config.clone()
    }

    /// The services as this caller reaches them.
    pub(super) fn reached_by(&self, caller: Caller) -> ReachedBy {
        ReachedBy {
            gate: self.gate.clone(),
            caller,
        }
    }

    /// An SVID of this authority for `path`, as its holder's connection shows it.
    pub(super) async fn svid(&self, path: &str) -> Caller {
        let key = PrivateKey::generate(KeyType::EcP256).unwrap();
        let wanted = WorkloadX509 {
            public_key: key.public_key_der().to_vec(),
            spiffe_id: id(path),
            dns_names: Vec::new(),
            ttl: None,
            subject: None,
        };
        caller_with(&self.authority.sign_workload_x509(wanted).await.unwrap())
    }

    /// Has `path` attested, with the SVID its connection shows.
    pub(super) async fn attest(&self, path: &str) -> Caller {
        let caller = self.svid(path).await;
        let Caller::X509(svid) = &caller else {
            panic!("not an SVID")
        };
        let attested = steeple_registry::nodes::Attested {
            id: svid.id.clone(),
            attestation_type: "test".to_owned(),
            selectors: Vec::new(),
            can_reattest: false,
            serial: svid.serial_decimal.clone(),
            expires_at: svid.not_after.as_second(),
        };
        self.registry.nodes().put_attested(attested).await.unwrap();
        caller
    }
}

pub(super) fn caller_with(issued: &IssuedX509) -> Caller {
    caller(
        issued.spiffe_id.clone(),
        &issued.serial_decimal,
        issued.expires_at,
    )
}

pub(super) fn caller(id: SpiffeId, serial: &str, not_after: Timestamp) -> Caller {
    Caller::X509(Arc::new(PeerSvid {
        id,
        serial_decimal: serial.to_owned(),
        not_after,
        chain: Vec::new(),
        addr: "192.0.2.1:4000".parse().unwrap(),
    }))
}

pub(super) fn local() -> Caller {
    Caller::Local(PeerProcess {
        pid: 1,
        uid: 0,
        gid: 0,
        pidfd: None,
    })
}

pub(super) fn anonymous() -> Caller {
    Caller::Anonymous {
        addr: "192.0.2.2:4000".parse().unwrap(),
    }
}

/// A CSR with a fresh key.
pub(super) fn csr(uris: &[&str], dns_names: &[&str]) -> bytes::Bytes {
    let key = PrivateKey::generate(KeyType::EcP256).unwrap();
    let owned = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
    build_csr(&key, &owned(uris), &owned(dns_names))
        .unwrap()
        .into()
}

/// The gate with somebody before it, for tonic's clients.
#[derive(Clone)]
pub(super) struct ReachedBy {
    gate: Gate,
    caller: Caller,
}

impl Service<Request<Body>> for ReachedBy {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = <Gate as Service<Request<Body>>>::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.gate.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        request.extensions_mut().insert(self.caller.clone());
        self.gate.call(request)
    }
}
