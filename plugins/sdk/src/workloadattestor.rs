//! WorkloadAttestor: finds out what the process behind a connection is.

use async_trait::async_trait;
use steeple_spiffe::Selector;

use crate::PluginError;

/// Says what can be proven of a process on this machine.
#[async_trait]
pub trait WorkloadAttestor: Send + Sync {
    /// The selector type it produces, as in `unix`.
    fn kind(&self) -> &str;

    /// The selectors of the process `pid`. The agent pins the process for the length of the call.
    /// An empty list is success: the process is simply nothing to this attestor.
    async fn attest(&self, pid: u32) -> Result<Vec<Selector>, PluginError>;
}
