//! The services in a process, with a cache that knows no entries and a server that is never asked.

use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt as _;
use steeple_attest::Workloads;
use steeple_cache::{Cache, CacheConfig, Server, ServerConnection};
use steeple_grpc::{Caller, PeerProcess};
use steeple_lifecycle::Clock;
use steeple_plugin_sdk::{PluginError, workloadattestor::WorkloadAttestor};
use steeple_proto::workload::{
    JwtBundlesRequest, JwtsvidRequest, X509BundlesRequest, X509svidRequest,
    spiffe_workload_api_server::SpiffeWorkloadApi as _,
};
use steeple_spiffe::{Bundle, Selector, TrustDomain, X509Authority};
use tokio_util::sync::CancellationToken;
use tonic::{
    Code, Request,
    transport::{Channel, Endpoint},
};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_server::Health as _,
};

use crate::{ApiConfig, health::Serving, workload::Workload};

struct Nowhere;

impl ServerConnection for Nowhere {
    fn channel(&self) -> Channel {
        Endpoint::from_static("http://127.0.0.1:1").connect_lazy()
    }

    fn release(&self) {}

    fn generation(&self) -> u64 {
        0
    }
}

/// Answers what it was made with.
struct Attestor(Result<Vec<Selector>, PluginError>);

#[async_trait]
impl WorkloadAttestor for Attestor {
    fn kind(&self) -> &str {
        "test"
    }

    async fn attest(&self, _pid: u32) -> Result<Vec<Selector>, PluginError> {
        self.0.clone()
    }
}

fn api(attestor: Attestor, unauthenticated_verifiers: bool) -> Arc<ApiConfig> {
    let trust_domain = TrustDomain::parse("example.org").unwrap();
    let bundle = Bundle {
        x509_authorities: vec![X509Authority {
            der: vec![1, 2, 3],
            tainted: false,
        }],
        ..Bundle::empty(trust_domain.clone())
    };
    let server = Server::new(Arc::new(Nowhere));
    let clock = Clock::system();
    Arc::new(ApiConfig {
        trust_domain,
        cache: Cache::new(
            CacheConfig::default(),
            server,
            Arc::new(bundle),
            clock.clone(),
        ),
        workloads: Arc::new(Workloads::new(vec![Arc::new(attestor)])),
        clock,
        workload_api: true,
        unauthenticated_verifiers,
        stopping: CancellationToken::new(),
    })
}

fn stranger() -> Attestor {
    Attestor(Ok(vec![Selector::new("test", "nobody").unwrap()]))
}

fn unknown() -> Attestor {
    Attestor(Err(PluginError::Internal("no /proc here".to_owned())))
}

/// A request as the socket's listener hands it on, from this very process.
fn from_here<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(Caller::Local(PeerProcess {
        pid: std::process::id(),
        uid: 0,
        gid: 0,
        pidfd: None,
    }));
    request
}

#[tokio::test]
async fn a_stranger_gets_no_identity() {
    let workload = Workload::new(&api(stranger(), false));
    let refused = |status: tonic::Status| (status.code(), status.message().to_owned());
    let expected = (Code::PermissionDenied, "no identity issued".to_owned());

    let answer = workload.fetch_x509svid(from_here(X509svidRequest {})).await;
    let first = answer.unwrap().into_inner().next().await.unwrap();
    assert_eq!(refused(first.unwrap_err()), expected);
    let answer = workload
        .fetch_x509_bundles(from_here(X509BundlesRequest {}))
        .await;
    let first = answer.unwrap().into_inner().next().await.unwrap();
    assert_eq!(refused(first.unwrap_err()), expected);
    let request = JwtsvidRequest {
        audience: vec!["a".to_owned()],
        spiffe_id: String::new(),
    };
    let answer = workload.fetch_jwtsvid(from_here(request)).await;
    assert_eq!(refused(answer.unwrap_err()), expected);
}

#[tokio::test]
async fn a_stranger_may_verify_where_that_is_allowed() {
    let workload = Workload::new(&api(stranger(), true));
    let answer = workload
        .fetch_x509_bundles(from_here(X509BundlesRequest {}))
        .await;
    let first = answer.unwrap().into_inner().next().await.unwrap().unwrap();
    let bundles: Vec<_> = first.bundles.into_iter().collect();
    assert_eq!(
        bundles,
        [("spiffe://example.org".to_owned(), vec![1, 2, 3].into())]
    );
    let answer = workload
        .fetch_jwt_bundles(from_here(JwtBundlesRequest {}))
        .await;
    let first = answer.unwrap().into_inner().next().await.unwrap().unwrap();
    assert!(first.bundles.contains_key("spiffe://example.org"));

    let answer = workload.fetch_x509svid(from_here(X509svidRequest {})).await;
    let first = answer.unwrap().into_inner().next().await.unwrap();
    assert_eq!(first.unwrap_err().code(), Code::PermissionDenied);
}

#[tokio::test]
async fn a_caller_who_cannot_be_found_out_is_to_try_again() {
    let workload = Workload::new(&api(unknown(), true));
    let answer = workload.fetch_x509svid(from_here(X509svidRequest {})).await;
    let status = answer.err().unwrap();
    assert_eq!(
        (status.code(), status.message()),
        (Code::Unavailable, "workload attestation failed")
    );
}

#[tokio::test]
async fn open_streams_end_when_the_agent_stops() {
    let config = api(stranger(), true);
    let workload = Workload::new(&config);
    let answer = workload
        .fetch_x509_bundles(from_here(X509BundlesRequest {}))
        .await;
    let mut stream = answer.unwrap().into_inner();
    assert!(stream.next().await.unwrap().is_ok());
    config.stopping.cancel();
    let last = stream.next().await.unwrap().unwrap_err();
    assert_eq!(last.code(), Code::Unavailable);
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn health_is_whether_callers_can_be_attested() {
    let check = |config: Arc<ApiConfig>, service: &str| {
        let request = Request::new(HealthCheckRequest {
            service: service.to_owned(),
        });
        async move { Serving::new(&config).check(request).await }
    };
    let status = |answer: Result<tonic::Response<_>, tonic::Status>| {
        let answer: tonic_health::pb::HealthCheckResponse = answer.unwrap().into_inner();
        answer.status()
    };
    let well = check(api(stranger(), false), "").await;
    assert_eq!(status(well), ServingStatus::Serving);
    let ill = check(api(unknown(), false), "").await;
    assert_eq!(status(ill), ServingStatus::NotServing);
    let named = check(api(stranger(), false), "SpiffeWorkloadAPI").await;
    assert_eq!(named.unwrap_err().code(), Code::InvalidArgument);
}
