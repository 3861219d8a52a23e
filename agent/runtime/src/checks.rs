//! The agent's health check, under the name and detail that SPIRE shows.

use std::{path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use steeple_grpc::unix_channel;
use steeple_lifecycle::health::{Check, Health, HealthError, State};
use steeple_proto::workload::{
    X509svidRequest, spiffe_workload_api_client::SpiffeWorkloadApiClient,
};
use tonic::{Code, Request};

/// How long the Workload API may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Adds the check of the Workload API behind `socket`.
pub(crate) fn add(health: &Health, socket: PathBuf) -> Result<(), HealthError> {
    health.add("agent", Arc::new(WorkloadApi(socket)))
}

struct WorkloadApi(PathBuf);

impl WorkloadApi {
    /// Whether it answers; that there is no identity for the agent itself is an answer.
    async fn answers(&self) -> bool {
        let Ok(channel) = unix_channel(&self.0).await else {
            return false;
        };
        let mut request = Request::new(X509svidRequest {});
        let header = tonic::metadata::MetadataValue::from_static("true");
        request.metadata_mut().insert("workload.spiffe.io", header);
        let mut client = SpiffeWorkloadApiClient::new(channel);
        match client.fetch_x509svid(request).await {
            Ok(_) => true,
            Err(status) => status.code() != Code::Unavailable,
        }
    }
}

#[async_trait]
impl Check for WorkloadApi {
    async fn check(&self) -> State {
        match tokio::time::timeout(PATIENCE, self.answers()).await {
            Ok(true) => State::healthy(),
            _ => State::failed("make_new_x509_err", "workload api is unavailable"),
        }
    }
}
