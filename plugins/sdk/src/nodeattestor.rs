//! NodeAttestor: how an agent's machine proves itself to the server; the agent's half and the
//! server's half exchange opaque bytes over the attestation stream.

use async_trait::async_trait;
use steeple_spiffe::{Selector, SpiffeId};

use crate::PluginError;

/// The agent's half.
#[async_trait]
pub trait AgentNodeAttestor: Send + Sync {
    /// The attestation type, as in `x509pop`.
    fn kind(&self) -> &str;

    /// The first payload to send.
    async fn payload(&self) -> Result<Vec<u8>, PluginError>;

    /// The answer to a challenge of the server.
    async fn respond(&self, challenge: &[u8]) -> Result<Vec<u8>, PluginError>;
}

/// What the server's half concludes.
#[derive(Clone, Debug)]
pub struct AttestedNode {
    /// The agent's ID.
    pub agent_id: SpiffeId,
    /// What was proven of the node.
    pub selectors: Vec<Selector>,
    /// Whether the same node may attest again.
    pub can_reattest: bool,
}

/// Asks the agent one thing and waits for its answer.
#[async_trait]
pub trait Challenge: Send {
    /// Relays `challenge` and returns the response.
    async fn ask(&mut self, challenge: Vec<u8>) -> Result<Vec<u8>, PluginError>;
}

/// The server's half. `join_token` is not one of these: the server itself handles it.
#[async_trait]
pub trait ServerNodeAttestor: Send + Sync {
    /// The attestation type, as in `x509pop`.
    fn kind(&self) -> &str;

    /// Checks `payload`, asking the agent through `challenge` where it must.
    async fn attest(
        &self,
        payload: &[u8],
        challenge: &mut dyn Challenge,
    ) -> Result<AttestedNode, PluginError>;
}
