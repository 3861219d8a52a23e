//! Staying an agent: what to do when the server does not take the agent's SVID any more.

use std::sync::Arc;

use steeple_attest::{AttestError, Node, NodeConnection};
use steeple_cache::{Denial, ServerConnection, ServerError};
use steeple_grpc::DenialReason;
use tonic::transport::Channel;

use crate::AgentError;

/// The agent's connection, as the cache wants it.
pub(crate) struct CacheConnection(pub(crate) NodeConnection);

impl ServerConnection for CacheConnection {
    fn channel(&self) -> Channel {
        self.0.channel()
    }

    fn release(&self) {
        self.0.release();
    }

    fn generation(&self) -> u64 {
        self.0.generation()
    }
}

/// Carries out what the server's refusals ask for.
#[derive(Clone)]
pub(crate) struct Membership {
    node: Node,
    /// Several tasks may be refused for one reason; one of them mends it.
    mending: Arc<tokio::sync::Mutex<()>>,
}

impl Membership {
    pub(crate) fn new(node: Node) -> Self {
        Self {
            node,
            mending: Arc::default(),
        }
    }

    /// How often the SVID was replaced; note it before a call that may be refused.
    pub(crate) fn generation(&self) -> u64 {
        self.node.connection().generation()
    }

    /// Mends a refusal that came under the SVID of `generation`, if it can be mended.
    pub(crate) async fn mend(&self, error: ServerError, generation: u64) -> Result<(), AgentError> {
        match error.denial() {
            None => Err(error.into()),
            Some(Denial::Banned) => Err(self.banned().await),
            Some(Denial::Reattest) => self.reattest(generation).await,
        }
    }

    /// The same for a refused renewal.
    pub(crate) async fn mend_renewal(
        &self,
        error: AttestError,
        generation: u64,
    ) -> Result<(), AgentError> {
        match error.denial() {
            None | Some(DenialReason::Unknown) => Err(error.into()),
            Some(DenialReason::AgentBanned) => Err(self.banned().await),
            Some(_) => self.reattest(generation).await,
        }
    }

    async fn banned(&self) -> AgentError {
        tracing::error!("Agent is banned: removing SVID and shutting down");
        self.node.forget().await;
        AgentError::Banned
    }

    async fn reattest(&self, generation: u64) -> Result<(), AgentError> {
        let _mending = self.mending.lock().await;
        if self.generation() != generation {
            return Ok(());
        }
        match self.node.reattest().await {
            Ok(()) => Ok(()),
            Err(AttestError::NotReattestable) => {
                tracing::error!("Agent needs to re-attest: removing SVID and shutting down");
                self.node.forget().await;
                Err(AgentError::MustReattest)
            }
            Err(error) => Err(error.into()),
        }
    }
}
