//! Who is calling.

use std::sync::Arc;

use steeple_grpc::Caller;
use steeple_spiffe::Selector;
use tonic::{Request, Status};

use crate::ApiConfig;

/// A caller that has been found out.
#[derive(Clone, Debug)]
pub(crate) struct Attested {
    /// What was proven of it.
    pub(crate) selectors: Vec<Selector>,
    /// Its process, for the log.
    pub(crate) pid: u32,
    /// What it calls, for the log.
    pub(crate) method: &'static str,
}

/// What a caller without any matching entry is told.
pub(crate) const NO_IDENTITY: &str = "no identity issued";

impl Attested {
    /// The refusal of a caller that no entry matches.
    pub(crate) fn no_identity(&self) -> Status {
        let (pid, method) = (self.pid, self.method);
        // The agent asks itself for its health; that it has no identity there is no news.
        if pid != std::process::id() {
            tracing::error!(
                pid,
                method,
                registered = false,
                service = "WorkloadAPI",
                subsystem_name = "endpoints",
                "No identity issued"
            );
        }
        Status::permission_denied(NO_IDENTITY)
    }
}

/// Attests the process at the other end of the socket.
pub(crate) async fn attest<T>(
    config: &Arc<ApiConfig>,
    request: &Request<T>,
    method: &'static str,
) -> Result<Attested, Status> {
    let Some(Caller::Local(process)) = request.extensions().get::<Caller>() else {
        return Err(Status::internal(
            "the caller's process is not known on this connection",
        ));
    };
    let selectors = config.workloads.attest(process).await.map_err(|error| {
        tracing::error!(
            %error,
            pid = process.pid,
            method,
            service = "WorkloadAPI",
            subsystem_name = "endpoints",
            "Workload attestation failed"
        );
        Status::unavailable("workload attestation failed")
    })?;
    Ok(Attested {
        selectors,
        pid: process.pid,
        method,
    })
}
