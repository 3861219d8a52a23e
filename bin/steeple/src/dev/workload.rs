//! You as a workload: over the public socket, like any other program.

use std::path::Path;

use anyhow::{Context as _, Result, anyhow};
use steeple_cli::agent::{FetchedSvid, parse_svids};
use steeple_grpc::unix_channel;
use steeple_lifecycle::Clock;
use steeple_proto::workload::{
    X509svidRequest, spiffe_workload_api_client::SpiffeWorkloadApiClient,
};
use steeple_spiffe::SpiffeId;
use tonic::{Request, metadata::MetadataValue};

/// Waits for the verified SVID of that ID.
pub(crate) async fn fetch(socket: &Path, id: &SpiffeId, clock: &Clock) -> Result<FetchedSvid> {
    let mut client = SpiffeWorkloadApiClient::new(unix_channel(socket).await?);
    let mut request = Request::new(X509svidRequest {});
    request
        .metadata_mut()
        .insert("workload.spiffe.io", MetadataValue::from_static("true"));
    let failed = "the Workload API did not answer";
    let mut updates = client
        .fetch_x509svid(request)
        .await
        .context(failed)?
        .into_inner();
    while let Some(answer) = updates.message().await.context(failed)? {
        let svids = parse_svids(&answer, clock.now())?;
        if let Some(svid) = svids.into_iter().find(|svid| svid.spiffe_id == *id) {
            return Ok(svid);
        }
    }
    Err(anyhow!("the Workload API ended without an SVID for {id}"))
}
