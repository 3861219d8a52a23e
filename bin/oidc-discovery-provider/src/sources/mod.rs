//! Where the keys come from, and the loop that asks.

mod file;
mod server_api;
mod workload_api;

use std::{convert::Infallible, time::Duration};

use steeple_lifecycle::Clock;
use steeple_spiffe::JwtAuthority;
use tokio_util::sync::CancellationToken;

use crate::{
    config::{Origin, SourceConfig},
    keys::Board,
};

/// One of the sources.
enum Source {
    ServerApi(server_api::ServerApi),
    WorkloadApi(workload_api::WorkloadApi),
    File(file::File),
}

impl Source {
    fn new(origin: Origin) -> Self {
        match origin {
            Origin::ServerApi(socket) => Self::ServerApi(server_api::ServerApi::new(&socket)),
            Origin::WorkloadApi {
                address,
                trust_domain,
            } => Self::WorkloadApi(workload_api::WorkloadApi::new(&address, trust_domain)),
            Origin::File(path) => Self::File(file::File::new(path)),
        }
    }

    /// The keys now. A source that does not answer well says so in the log.
    async fn fetch(&self) -> Option<Vec<JwtAuthority>> {
        match self {
            Self::ServerApi(api) => api.fetch().await,
            Self::WorkloadApi(api) => api.fetch().await,
            Self::File(file) => file.fetch().await,
        }
    }
}

/// Asks for the keys every so often and posts them, until `stopping`. What is posted stays when
/// the source fails: tokens that it signed are still good.
pub(crate) async fn poll(
    config: SourceConfig,
    board: Board,
    clock: Clock,
    stopping: CancellationToken,
) -> Result<(), Infallible> {
    let source = Source::new(config.origin);
    tracing::debug!(interval = interval(config.poll_interval), "Polling started");
    let polling = async {
        loop {
            if let Some(keys) = source.fetch().await {
                board.post(keys, clock.now());
            }
            tokio::time::sleep(config.poll_interval).await;
        }
    };
    stopping.run_until_cancelled(polling).await;
    tracing::debug!("Polling done");
    Ok(())
}

/// A duration for the log.
pub(crate) fn interval(duration: Duration) -> String {
    steeple_hcl::duration::format(duration)
}
