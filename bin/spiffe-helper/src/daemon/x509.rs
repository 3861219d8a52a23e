//! The X.509 files.

use futures::StreamExt as _;
use steeple_workload::{Client, WorkloadError, X509Context};
use tokio_util::sync::CancellationToken;

use super::{Renewed, retry::Retry};
use crate::{config::X509Files, health::Tracked, missed, writer::Writer};

/// Writes each update, and tells the process of it.
pub(super) struct Watch {
    pub(super) files: X509Files,
    pub(super) writer: Writer,
    pub(super) renewed: Renewed,
}

impl Watch {
    /// Runs until `stopping`, or until the agent gives an answer that is final.
    pub(super) async fn run(
        self,
        client: Client,
        stopping: CancellationToken,
    ) -> Result<(), WorkloadError> {
        let mut updates = client.x509_contexts(stopping);
        let mut latest: Option<X509Context> = None;
        let mut retry = Retry::new();
        loop {
            tokio::select! {
                update = updates.next() => match update {
                    None => return Ok(()),
                    Some(Err(error)) => self.missed(error)?,
                    Some(Ok(context)) => {
                        for svid in &context.svids {
                            tracing::info!(spiffe_id = %svid.id, "Received update");
                        }
                        self.write(&context, &mut retry).await;
                        latest = Some(context);
                    }
                },
                () = retry.due() => if let Some(context) = &latest {
                    self.write(context, &mut retry).await;
                },
            }
        }
    }

    fn missed(&self, error: WorkloadError) -> Result<(), WorkloadError> {
        let text = missed::explain(&error, &self.writer.config.address);
        tracing::error!("Error while watching x509 context: {text}");
        self.writer.unfetched(&Tracked::X509, &error);
        if error.is_final() { Err(error) } else { Ok(()) }
    }

    async fn write(&self, context: &X509Context, retry: &mut Retry) {
        match self.writer.x509(&self.files, context).await {
            Ok(()) => {
                retry.worked(None);
                tracing::info!("X.509 certificates updated");
                self.renewed.tell().await;
            }
            Err(error) => {
                retry.failed(error.may_pass());
                tracing::error!(error = %steeple_telemetry::chain(&error), "Unable to dump bundle");
            }
        }
    }
}
