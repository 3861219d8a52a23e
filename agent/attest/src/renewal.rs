//! Renewing the agent's SVID before it expires.

use std::{future::pending, sync::Arc, time::Duration};

use steeple_proto::server::agent::{
    AgentX509svidParams, RenewAgentRequest, agent_client::AgentClient,
};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::{
    AgentSvid, AttestError, Node,
    node::{RPC_TIMEOUT, issued},
    stream,
};

/// The wait after a first failure, and the longest one.
const FIRST_WAIT: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_secs(2 * 60);
/// How often the clock is looked at, since it may jump.
const LOOK: Duration = Duration::from_secs(60);

impl Node {
    /// Renews the SVID whenever it is due, until `stopping`.
    ///
    /// # Errors
    /// When the server denies the agent, or the SVID has expired meanwhile: then the agent cannot
    /// go on as it is.
    pub async fn run_renewal(&self, stopping: CancellationToken) -> Result<(), AttestError> {
        let mut wait = FIRST_WAIT;
        loop {
            tokio::select! {
                () = stopping.cancelled() => return Ok(()),
                () = self.due() => {}
            }
            let renewed = tokio::select! {
                () = stopping.cancelled() => return Ok(()),
                renewed = self.renew() => renewed,
            };
            let pause = match renewed {
                // One that is due again at once, since the authority is dying, must not spin.
                Ok(()) => {
                    wait = FIRST_WAIT;
                    FIRST_WAIT
                }
                Err(error) => {
                    self.judge(error)?;
                    let pause = wait;
                    wait = wait.mul_f64(1.5).min(LONGEST_WAIT);
                    pause
                }
            };
            tokio::select! {
                () = stopping.cancelled() => return Ok(()),
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Returns when the SVID is to be replaced.
    async fn due(&self) {
        let mut bundle = self.bundle_changes();
        let svid = self.current();
        let rotate_at = (self.config().rotate_at)(svid.not_before, svid.not_after);
        loop {
            if svid.is_tainted(&bundle.borrow_and_update()) {
                tracing::info!(
                    subsystem_name = "manager",
                    "Agent SVID is tainted by a root authority, forcing rotation"
                );
                return;
            }
            let left = self.config().clock.until(rotate_at);
            if left.is_zero() {
                return;
            }
            let changed = async {
                if bundle.changed().await.is_err() {
                    pending::<()>().await;
                }
            };
            tokio::select! {
                () = tokio::time::sleep(left.min(LOOK)) => {}
                () = changed => {}
            }
        }
    }

    /// Replaces the SVID: by attestation where the node can attest again, else by renewal.
    ///
    /// # Errors
    /// When the server does not issue one; the present SVID stays.
    pub async fn renew(&self) -> Result<(), AttestError> {
        let svid = if self.current().reattestable {
            tracing::debug!(subsystem_name = "manager", "Reattesting node");
            let svid = self.attest_again().await?;
            tracing::info!(subsystem_name = "manager", spiffe_id = %svid.id, "Successfully reattested node");
            svid
        } else {
            tracing::debug!(subsystem_name = "manager", "Rotating agent SVID");
            let svid = self.extend().await?;
            tracing::info!(
                subsystem_name = "manager",
                spiffe_id = %svid.id,
                "Successfully rotated agent SVID"
            );
            svid
        };
        self.replace(svid).await
    }

    /// Attests anew because the server takes the present SVID no more.
    ///
    /// # Errors
    /// When the node can attest only once, or the server refuses.
    pub async fn reattest(&self) -> Result<(), AttestError> {
        if !self.current().reattestable {
            return Err(AttestError::NotReattestable);
        }
        self.renew().await
    }

    async fn attest_again(&self) -> Result<AgentSvid, AttestError> {
        let config = self.config();
        let key = config.new_key(Some(&self.current().key_id)).await?;
        let csr = config.csr(&key).await?;
        let channel = config.address().anonymous(Some(self.bundle()))?;
        let (chain, reattestable) = stream::attest(channel, &config.attestor, csr).await?;
        issued(chain, &key, reattestable)
    }

    async fn extend(&self) -> Result<AgentSvid, AttestError> {
        const OPERATION: &str = "failed to renew agent";
        let config = self.config();
        let key = config.new_key(Some(&self.current().key_id)).await?;
        let csr = config.csr(&key).await?.into();
        let mut client = AgentClient::new(self.connection().channel());
        let request = RenewAgentRequest {
            params: Some(AgentX509svidParams { csr }),
        };
        let call = client.renew_agent(request);
        let ended = tokio::time::timeout(RPC_TIMEOUT, call)
            .await
            .unwrap_or_else(|_| {
                Err(Status::deadline_exceeded(format!(
                    "no answer within {} s",
                    RPC_TIMEOUT.as_secs()
                )))
            });
        let reply = ended.map_err(|status| {
            self.connection().release();
            AttestError::server(OPERATION, status)
        })?;
        let svid = reply.into_inner().svid;
        let svid = svid.ok_or_else(|| AttestError::Answer("renewal is missing SVID".to_owned()))?;
        let chain = svid.cert_chain.into_iter().map(Vec::from).collect();
        issued(chain, &key, false)
    }

    /// Whether a failed renewal can be tried again.
    fn judge(&self, error: AttestError) -> Result<(), AttestError> {
        let svid = self.current();
        let operation = if svid.reattestable {
            "reattest agent"
        } else {
            "rotate agent SVID"
        };
        tracing::error!(subsystem_name = "manager", %error, "Could not {operation}");
        if error.denial().is_some() {
            return Err(error);
        }
        if self.config().clock.now() > svid.not_after {
            return Err(AttestError::Expired {
                operation,
                cause: error.to_string(),
            });
        }
        Ok(())
    }

    fn current(&self) -> Arc<AgentSvid> {
        Arc::clone(&self.svid().borrow())
    }
}
