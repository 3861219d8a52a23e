//! Attested nodes: the agents the server knows.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use steeple_spiffe::{Selector, SpiffeId};

use crate::{Entry, StoreError};

/// An agent that has attested.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NodeRecord {
    /// The row in the database; orders lists and is what page tokens are made of.
    pub row: i64,
    /// The agent's ID.
    pub id: SpiffeId,
    /// How it attested, as in `join_token`.
    pub attestation_type: String,
    /// The serial number of its SVID, decimal; empty when it is banned.
    pub serial: String,
    /// When that SVID ends, unix seconds.
    pub expires_at: i64,
    /// The serial number of a renewed SVID that has not been used yet, or empty.
    pub new_serial: String,
    /// When the renewed SVID ends, unix seconds; 0 when there is none.
    pub new_expires_at: i64,
    /// What attestation has proven of the node.
    pub selectors: Vec<Selector>,
    /// Whether it can attest again by itself.
    pub can_reattest: bool,
    /// The version the agent has told, or empty.
    pub agent_version: String,
}

impl NodeRecord {
    /// Whether the node has been banned.
    pub fn is_banned(&self) -> bool {
        self.serial.is_empty()
    }
}

/// What an update changes: `None` leaves the value as it is.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct NodeUpdate {
    /// See [`NodeRecord::serial`].
    pub serial: Option<String>,
    /// See [`NodeRecord::expires_at`].
    pub expires_at: Option<i64>,
    /// See [`NodeRecord::new_serial`].
    pub new_serial: Option<String>,
    /// See [`NodeRecord::new_expires_at`].
    pub new_expires_at: Option<i64>,
    /// See [`NodeRecord::selectors`].
    pub selectors: Option<Vec<Selector>>,
    /// See [`NodeRecord::can_reattest`].
    pub can_reattest: Option<bool>,
    /// See [`NodeRecord::agent_version`].
    pub agent_version: Option<String>,
}

/// A node that is gone, and what went with it.
#[derive(Clone, Debug)]
pub struct DeletedNode {
    /// What the node was.
    pub node: Arc<NodeRecord>,
    /// The entries that its join token had made.
    pub entries: Vec<Arc<Entry>>,
}

/// Writes nodes.
#[async_trait]
pub trait NodeStore: Send + Sync {
    /// Records a node that has just attested, whether it is known or not: type, selectors, serial
    /// and expiry become the ones given, a renewed SVID is forgotten, the version is kept.
    /// `row`, `new_serial`, `new_expires_at` and `agent_version` of `node` are not read.
    ///
    /// # Errors
    /// [`StoreError::FailedPrecondition`] when the node is banned; and when the database cannot
    /// be written.
    async fn attest_node(&self, node: NodeRecord) -> Result<Arc<NodeRecord>, StoreError>;

    /// Changes a known node.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such node; and when the database cannot be
    /// written.
    async fn update_node(
        &self,
        id: &SpiffeId,
        update: NodeUpdate,
    ) -> Result<Arc<NodeRecord>, StoreError>;

    /// Makes the renewed SVID the current one if its serial number is `serial`; otherwise leaves
    /// the node as it is. Answers the node as it then stands.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such node; and when the database cannot be
    /// written.
    async fn promote_node(
        &self,
        id: &SpiffeId,
        serial: &str,
    ) -> Result<Arc<NodeRecord>, StoreError>;

    /// Deletes a node, its selectors and, for a join token's node, the alias entry of the token.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such node; and when the database cannot be
    /// written.
    async fn delete_node(&self, id: &SpiffeId) -> Result<DeletedNode, StoreError>;

    /// Deletes up to `limit` nodes whose SVID ended before `before` and that are not banned;
    /// those that cannot attest again only when `include_non_reattestable`.
    ///
    /// # Errors
    /// When the database cannot be written.
    async fn prune_nodes(
        &self,
        before: Timestamp,
        include_non_reattestable: bool,
        limit: u32,
    ) -> Result<Vec<DeletedNode>, StoreError>;
}
