//! `grpc.health.v1.Health` on the public socket.

use std::{pin::Pin, sync::Arc};

use futures::Stream;
use steeple_grpc::PeerProcess;
use tonic::{Request, Response, Status};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse,
    health_check_response::ServingStatus,
    health_server::{Health, HealthServer},
};

use crate::ApiConfig;

/// Says whether the Workload API can answer: it can when callers can be attested. That a caller
/// has no identity is an answer too.
pub(crate) struct Serving(Arc<ApiConfig>);

/// The service.
pub(crate) fn service(config: &Arc<ApiConfig>) -> HealthServer<Serving> {
    HealthServer::new(Serving::new(config))
}

impl Serving {
    pub(crate) fn new(config: &Arc<ApiConfig>) -> Self {
        Self(Arc::clone(config))
    }

    /// Attests the agent itself, in place of a workload.
    async fn status(&self) -> ServingStatus {
        if !self.0.workload_api {
            return ServingStatus::Serving;
        }
        let agent = PeerProcess {
            pid: std::process::id(),
            uid: nix::unistd::geteuid().as_raw(),
            gid: nix::unistd::getegid().as_raw(),
            pidfd: None,
        };
        match self.0.workloads.attest(&agent).await {
            Ok(_) => ServingStatus::Serving,
            Err(error) => {
                tracing::warn!(%error, subsystem_name = "endpoints", "Health check failed: workloads cannot be attested");
                ServingStatus::NotServing
            }
        }
    }
}

#[tonic::async_trait]
impl Health for Serving {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        if !request.get_ref().service.is_empty() {
            return Err(Status::invalid_argument(
                "per-service health is not supported",
            ));
        }
        let status = self.status().await.into();
        Ok(Response::new(HealthCheckResponse { status }))
    }

    type WatchStream =
        Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send + 'static>>;

    async fn watch(
        &self,
        _request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented(
            "grpc.health.v1.Health/Watch is not supported; call Check",
        ))
    }
}
