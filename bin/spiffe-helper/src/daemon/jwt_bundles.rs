//! The JWT bundles: their file, and what tokens are checked against.

use std::{collections::BTreeMap, sync::Arc};

use futures::StreamExt as _;
use steeple_spiffe::{Bundle, TrustDomain};
use steeple_workload::{Client, WorkloadError};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::retry::Retry;
use crate::{config::JwtBundleFile, health::Tracked, missed, writer::Writer};

/// The bundles of all trust domains; none until they came for the first time.
pub(super) type Known = Option<Arc<BTreeMap<TrustDomain, Bundle>>>;

/// Follows the bundles.
pub(super) struct Watch {
    pub(super) file: Option<JwtBundleFile>,
    pub(super) writer: Writer,
    pub(super) known: watch::Sender<Known>,
}

impl Watch {
    /// Runs until `stopping`, or until the agent gives an answer that is final.
    pub(super) async fn run(
        self,
        client: Client,
        stopping: CancellationToken,
    ) -> Result<(), WorkloadError> {
        let mut updates = client.jwt_bundles(stopping);
        let mut retry = Retry::new();
        loop {
            tokio::select! {
                update = updates.next() => match update {
                    None => return Ok(()),
                    Some(Err(error)) => self.missed(error)?,
                    Some(Ok(update)) => {
                        self.known.send_replace(Some(Arc::new(update.bundles)));
                        self.write(&mut retry).await;
                    }
                },
                () = retry.due() => self.write(&mut retry).await,
            }
        }
    }

    fn missed(&self, error: WorkloadError) -> Result<(), WorkloadError> {
        let text = missed::explain(&error, &self.writer.config.address);
        tracing::error!("Error while watching JWT bundles: {text}");
        if let Some(file) = &self.file {
            self.writer.unfetched(&Tracked::jwt(&file.path), &error);
        }
        if error.is_final() { Err(error) } else { Ok(()) }
    }

    async fn write(&self, retry: &mut Retry) {
        let known = self.known.borrow().clone();
        let (Some(file), Some(bundles)) = (&self.file, known) else {
            return;
        };
        match self.writer.jwt_bundles(file, &bundles).await {
            Ok(()) => {
                retry.worked(None);
                tracing::info!("JWT bundle updated");
            }
            Err(error) => {
                retry.failed(error.may_pass());
                tracing::error!(
                    "Error writing JWT Bundle to disk: {}",
                    steeple_telemetry::chain(&error)
                );
            }
        }
    }
}
