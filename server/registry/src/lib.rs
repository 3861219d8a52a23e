//! The rules about entries, agents, join tokens and bundles, and the resident index that answers
//! every question of an agent from memory.
//!
//! Writes go to the store; the store's change feed brings them into the index before the write is
//! answered. Nothing here reads SQL after the start.

pub mod bundles;
pub mod entries;
pub mod ids;
pub mod nodes;
pub mod publish;
pub mod selectors;
pub mod tokens;

mod error;
mod index;
mod page;
mod prune;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use steeple_lifecycle::Clock;
use steeple_spiffe::{SpiffeId, TrustDomain};
use steeple_store::{Entry, Store, StoreError};
use tokio::sync::watch;

pub use error::RegistryError;
pub use index::{AuthorizedEntries, CallerEntries};
pub use page::{Page, Paged};
pub use selectors::{Match, SelectorInput, SelectorMatch};

use crate::{bundles::Bundles, entries::Entries, index::SharedIndex, nodes::Nodes, tokens::Tokens};

/// Entries, agents, join tokens and bundles of one trust domain.
pub struct Registry {
    domain: TrustDomain,
    store: Arc<dyn Store>,
    clock: Clock,
    index: Arc<SharedIndex>,
}

impl Registry {
    /// Loads everything from the store and stays up to date with it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn start(
        domain: TrustDomain,
        store: Arc<dyn Store>,
        clock: Clock,
    ) -> Result<Arc<Self>, StoreError> {
        let index = Arc::new(SharedIndex::new(domain.clone()));
        let observer: Arc<SharedIndex> = Arc::clone(&index);
        store.observe(observer).await?;
        Ok(Arc::new(Self {
            domain,
            store,
            clock,
            index,
        }))
    }

    /// The trust domain that is served.
    pub fn trust_domain(&self) -> &TrustDomain {
        &self.domain
    }

    /// Registration entries.
    pub fn entries(&self) -> Entries<'_> {
        Entries(self)
    }

    /// Attested agents.
    pub fn nodes(&self) -> Nodes<'_> {
        Nodes(self)
    }

    /// Join tokens.
    pub fn tokens(&self) -> Tokens<'_> {
        Tokens(self)
    }

    /// Bundles, the own one and others'.
    pub fn bundles(&self) -> Bundles<'_> {
        Bundles(self)
    }

    /// The entries an agent may issue: those below it and, through node aliases, below the other
    /// names it has. From memory; the same answer is shared until it changes.
    pub fn authorized_entries(&self, agent: &SpiffeId) -> Arc<AuthorizedEntries> {
        self.index.read().authorized(agent)
    }

    /// Those of `ids` that the agent may issue, in the order asked; `None` for one that does not
    /// exist or is not the agent's.
    pub fn lookup_authorized(&self, agent: &SpiffeId, ids: &[&str]) -> Vec<Option<Arc<Entry>>> {
        let authorized = self.authorized_entries(agent);
        ids.iter().map(|id| authorized.get(id).cloned()).collect()
    }

    /// What the entries of this very identity let it do at the server.
    pub fn caller_entries(&self, id: &SpiffeId) -> CallerEntries {
        self.index.read().caller(id)
    }

    /// A number that grows with every change of entries or nodes. Only a hint that something has
    /// changed; it starts anew with the server.
    pub fn revision_watch(&self) -> watch::Receiver<u64> {
        self.index.revision_watch()
    }
}
