//! One JWT-SVID file.

use std::{convert::Infallible, error::Error, time::Duration};

use steeple_workload::Client;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{jwt_bundles::Known, retry::Retry};
use crate::{config::JwtSvidFile, health::Tracked, writer::Writer};

/// Fetches a token, checks it, writes it, and comes back when half of its life is over.
pub(super) struct Keep {
    pub(super) file: JwtSvidFile,
    pub(super) writer: Writer,
    pub(super) client: Client,
    pub(super) bundles: watch::Receiver<Known>,
}

impl Keep {
    /// Runs until `stopping`.
    pub(super) async fn run(mut self, stopping: CancellationToken) -> Result<(), Infallible> {
        stopping.run_until_cancelled(self.work()).await;
        Ok(())
    }

    async fn work(&mut self) {
        // Nothing can be checked before the bundles are there.
        if self.bundles.wait_for(Option::is_some).await.is_err() {
            return;
        }
        let mut retry = Retry::new();
        loop {
            match self.update().await {
                Ok(left) => {
                    tracing::info!("JWT SVID updated");
                    retry.worked(Some(left / 2 + Duration::from_secs(1)));
                }
                Err(error) => {
                    let file = self.file.path.display();
                    tracing::error!(%file, "Unable to update JWT SVID: {}", steeple_telemetry::chain(&*error));
                    retry.failed(true);
                }
            }
            retry.due().await;
        }
    }

    async fn update(&self) -> Result<Duration, Box<dyn Error + Send + Sync>> {
        let fetched = self.client.fetch_jwt_svids(&self.file.audience, None).await;
        if let Err(error) = &fetched {
            self.writer.unfetched(&Tracked::jwt(&self.file.path), error);
        }
        let tokens = fetched?;
        let bundles = self.bundles.borrow().clone().unwrap_or_default();
        Ok(self.writer.jwt_svid(&self.file, &tokens, &bundles).await?)
    }
}
