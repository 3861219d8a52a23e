//! Attested agents.

use std::sync::Arc;

use steeple_spiffe::{Selector, SpiffeId};
use steeple_store::{NodeRecord, NodeUpdate, StoreError};

use crate::{
    Page, Paged, Registry, RegistryError, SelectorMatch,
    ids::{self, IdInput},
    selectors,
};

/// Which agents are wanted; the default is all.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct NodeFilter {
    /// Attested this way; empty for any.
    pub attestation_type: String,
    /// Banned, or not.
    pub banned: Option<bool>,
    /// Able to attest again, or not.
    pub can_reattest: Option<bool>,
    /// Whose SVID ends before this, unix seconds.
    pub expires_before: Option<i64>,
    /// By selectors.
    pub selectors: Option<SelectorMatch>,
}

/// What attestation has found out about an agent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Attested {
    /// The agent's ID.
    pub id: SpiffeId,
    /// How it attested.
    pub attestation_type: String,
    /// What was proven of it; may hold duplicates.
    pub selectors: Vec<Selector>,
    /// Whether it can attest again by itself.
    pub can_reattest: bool,
    /// The serial number of the SVID it gets, decimal.
    pub serial: String,
    /// When that SVID ends, unix seconds.
    pub expires_at: i64,
}

/// Whether the certificate an agent shows lets it in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Standing {
    /// It is the agent's current SVID.
    Active,
    /// It is the renewed SVID, shown for the first time: see [`Nodes::promote`].
    Renewed,
    /// No such agent has attested.
    NotAttested,
    /// The agent is banned.
    Banned,
    /// It is an older SVID, or another server's.
    NotActive,
}

/// See [`Registry::nodes`].
pub struct Nodes<'a>(pub(crate) &'a Registry);

impl Nodes<'_> {
    /// An agent, from memory.
    pub fn find(&self, id: &SpiffeId) -> Option<Arc<NodeRecord>> {
        self.0.index.read().node(id)
    }

    /// An agent by the ID in a request.
    ///
    /// # Errors
    /// [`RegistryError::InvalidArgument`] when it is no agent's ID, [`RegistryError::NotFound`]
    /// when it has not attested.
    pub fn get(&self, id: Option<&IdInput>) -> Result<Arc<NodeRecord>, RegistryError> {
        let id = self.agent_id(id)?;
        self.find(&id).ok_or_else(not_found)
    }

    fn agent_id(&self, id: Option<&IdInput>) -> Result<SpiffeId, RegistryError> {
        ids::agent(&self.0.domain, id)
            .map_err(|why| RegistryError::invalid("invalid agent ID", why))
    }

    /// Whether a certificate with this serial number lets the agent in. From memory.
    pub fn standing(&self, id: &SpiffeId, serial: &str) -> Standing {
        match self.find(id) {
            None => Standing::NotAttested,
            Some(node) if node.is_banned() => Standing::Banned,
            Some(node) if node.serial == serial => Standing::Active,
            Some(node) if node.new_serial == serial && !serial.is_empty() => Standing::Renewed,
            Some(_) => Standing::NotActive,
        }
    }

    /// A page of the agents, in the order they first attested.
    ///
    /// # Errors
    /// [`RegistryError::InvalidArgument`] when the filter or the page token is malformed.
    pub fn list(
        &self,
        filter: &NodeFilter,
        page: &Page,
    ) -> Result<Paged<Arc<NodeRecord>>, RegistryError> {
        let wanted = Wanted::read(filter)?;
        let after = page.after("failed to list agents")?;
        let index = self.0.index.read();
        let rows = index.nodes_after(after).filter(|node| wanted.matches(node));
        Ok(page.cut(rows.map(|node| (node.row, Arc::clone(node)))))
    }

    /// How many agents there are.
    ///
    /// # Errors
    /// [`RegistryError::InvalidArgument`] when the filter is malformed.
    pub fn count(&self, filter: &NodeFilter) -> Result<usize, RegistryError> {
        let wanted = Wanted::read(filter)?;
        Ok(self
            .0
            .index
            .read()
            .nodes_after(i64::MIN)
            .filter(|node| wanted.matches(node))
            .count())
    }

    /// Records that an agent has attested (again), with the SVID it gets.
    ///
    /// # Errors
    /// [`RegistryError::PermissionDenied`] when it is banned; and when the database fails.
    pub async fn put_attested(&self, attested: Attested) -> Result<Arc<NodeRecord>, RegistryError> {
        let mut selectors = attested.selectors;
        let mut seen = std::collections::HashSet::new();
        selectors.retain(|selector| seen.insert(selector.clone()));
        let record = NodeRecord {
            row: 0,
            id: attested.id,
            attestation_type: attested.attestation_type,
            serial: attested.serial,
            expires_at: attested.expires_at,
            new_serial: String::new(),
            new_expires_at: 0,
            selectors,
            can_reattest: attested.can_reattest,
            agent_version: String::new(),
        };
        self.0
            .store
            .attest_node(record)
            .await
            .map_err(|error| match error {
                StoreError::FailedPrecondition(_) => {
                    RegistryError::PermissionDenied("failed to attest: agent is banned".to_owned())
                }
                other => {
                    RegistryError::Internal(format!("failed to create attested agent: {other}"))
                }
            })
    }

    /// Records the renewed SVID of an agent; the current one stays valid until this one is used.
    ///
    /// # Errors
    /// [`RegistryError::NotFound`] when the agent is gone; and when the database fails.
    pub async fn renew(
        &self,
        id: &SpiffeId,
        serial: String,
        expires_at: i64,
    ) -> Result<Arc<NodeRecord>, RegistryError> {
        let update = NodeUpdate {
            new_serial: Some(serial),
            new_expires_at: Some(expires_at),
            ..NodeUpdate::default()
        };
        self.update(id, update, "failed to update agent").await
    }

    /// Makes the renewed SVID the current one, if `serial` still is its serial number.
    ///
    /// # Errors
    /// [`RegistryError::NotFound`] when the agent is gone; and when the database fails.
    pub async fn promote(
        &self,
        id: &SpiffeId,
        serial: &str,
    ) -> Result<Arc<NodeRecord>, RegistryError> {
        let promoted = self.0.store.promote_node(id, serial).await;
        promoted.map_err(|error| {
            let what = "unable to activate the new agent SVID";
            RegistryError::from_store_or(what, "agent not found", error)
        })
    }

    /// Keeps the version that an agent tells.
    ///
    /// # Errors
    /// [`RegistryError::InvalidArgument`] when it is longer than 255 bytes,
    /// [`RegistryError::NotFound`] when the agent is gone; and when the database fails.
    pub async fn set_version(&self, id: &SpiffeId, version: &str) -> Result<(), RegistryError> {
        if version.is_empty() {
            return Ok(());
        }
        if version.len() > 255 {
            return Err(RegistryError::InvalidArgument(
                "agent version is too long (max 255 characters)".to_owned(),
            ));
        }
        if self
            .find(id)
            .is_some_and(|node| node.agent_version == version)
        {
            return Ok(());
        }
        let update = NodeUpdate {
            agent_version: Some(version.to_owned()),
            ..NodeUpdate::default()
        };
        self.update(id, update, "failed to update agent")
            .await
            .map(|_| ())
    }

    /// Replaces what is known of an agent's node.
    ///
    /// # Errors
    /// [`RegistryError::NotFound`] when the agent is gone; and when the database fails.
    pub async fn set_selectors(
        &self,
        id: &SpiffeId,
        selectors: Vec<Selector>,
    ) -> Result<Arc<NodeRecord>, RegistryError> {
        let update = NodeUpdate {
            selectors: Some(selectors),
            ..NodeUpdate::default()
        };
        self.update(id, update, "failed to update selectors").await
    }

    /// Bans an agent: no SVID of it lets it in, and it cannot attest until it is deleted.
    ///
    /// # Errors
    /// [`RegistryError::InvalidArgument`] when it is no agent's ID, [`RegistryError::NotFound`]
    /// when it has not attested; and when the database fails.
    pub async fn ban(&self, id: Option<&IdInput>) -> Result<SpiffeId, RegistryError> {
        let id = self.agent_id(id)?;
        let update = NodeUpdate {
            serial: Some(String::new()),
            new_serial: Some(String::new()),
            ..NodeUpdate::default()
        };
        self.update(&id, update, "failed to ban agent").await?;
        Ok(id)
    }

    /// Forgets an agent, and the alias entry of its join token.
    ///
    /// # Errors
    /// [`RegistryError::InvalidArgument`] when it is no agent's ID, [`RegistryError::NotFound`]
    /// when it has not attested; and when the database fails.
    pub async fn delete(&self, id: Option<&IdInput>) -> Result<SpiffeId, RegistryError> {
        let id = self.agent_id(id)?;
        let deleted = self.0.store.delete_node(&id).await.map_err(|error| {
            RegistryError::from_store_or("failed to remove agent", "agent not found", error)
        })?;
        for entry in &deleted.entries {
            tracing::info!(
                spiffe_id = %entry.spiffe_id,
                parent_id = %entry.parent_id,
                entry_id = %entry.id,
                "Cascade-deleted registration entry on attested node deletion"
            );
        }
        Ok(id)
    }

    async fn update(
        &self,
        id: &SpiffeId,
        update: NodeUpdate,
        operation: &str,
    ) -> Result<Arc<NodeRecord>, RegistryError> {
        let updated = self.0.store.update_node(id, update).await;
        updated.map_err(|e| RegistryError::from_store_or(operation, "agent not found", e))
    }
}

fn not_found() -> RegistryError {
    RegistryError::NotFound("agent not found".to_owned())
}

/// A filter that has been read.
struct Wanted<'a> {
    filter: &'a NodeFilter,
    selectors: Option<(Vec<Selector>, selectors::Match)>,
}

impl<'a> Wanted<'a> {
    fn read(filter: &'a NodeFilter) -> Result<Self, RegistryError> {
        let selectors = match &filter.selectors {
            Some(given) if !given.selectors.is_empty() => {
                let parsed = selectors::parse(&given.selectors)
                    .map_err(|why| RegistryError::invalid("failed to parse selectors", why))?;
                Some((parsed, given.how))
            }
            _ => None,
        };
        Ok(Self { filter, selectors })
    }

    fn matches(&self, node: &NodeRecord) -> bool {
        let filter = self.filter;
        (filter.attestation_type.is_empty() || filter.attestation_type == node.attestation_type)
            && filter
                .banned
                .is_none_or(|banned| banned == node.is_banned())
            && filter
                .can_reattest
                .is_none_or(|can| can == node.can_reattest)
            && filter
                .expires_before
                .is_none_or(|then| node.expires_at < then)
            && self
                .selectors
                .as_ref()
                .is_none_or(|(set, how)| how.holds(set, &node.selectors))
    }
}
