//! `grpc.health.v1.Health`: whether the server can do its work.

use std::sync::Arc;

use futures::stream::Empty;
use tonic::{Request, Response, Status};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse,
    health_check_response::ServingStatus,
    health_server::{Health, HealthServer},
};

use crate::{
    ApiConfig,
    fail::{Failure, not_yet},
};

/// The service.
pub(crate) fn service(config: &Arc<ApiConfig>) -> HealthServer<HealthService> {
    HealthServer::new(HealthService(Arc::clone(config)))
}

pub(crate) struct HealthService(Arc<ApiConfig>);

#[tonic::async_trait]
impl Health for HealthService {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        if !request.into_inner().service.is_empty() {
            return Err(Failure::invalid("per-service health is not supported").into());
        }
        let status = if self.0.registry.bundles().own().is_some() {
            ServingStatus::Serving
        } else {
            tracing::warn!(reason = "bundle is missing", "Health check failed");
            ServingStatus::NotServing
        };
        Ok(Response::new(HealthCheckResponse {
            status: status.into(),
        }))
    }

    type WatchStream = Empty<Result<HealthCheckResponse, Status>>;

    async fn watch(
        &self,
        _: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        not_yet()
    }
}
