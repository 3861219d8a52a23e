//! The resident index: all entries, nodes and bundles, kept up to date by the change feed.
//!
//! An agent's answer is computed once and shared until it changes. A change finds the agents it
//! concerns by walking *up* from the changed entry to whoever reaches it ([`walk`]); all other
//! agents keep their answer, and asking for it costs a lock and a look-up.

mod agents;
mod aliases;
mod authorized;
mod bundles;
mod table;
mod walk;

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use steeple_spiffe::{Bundle, SpiffeId, TrustDomain};
use steeple_store::{Change, ChangeObserver, Entry, NodeRecord};
use tokio::sync::watch;

pub use authorized::{AuthorizedEntries, CallerEntries};

use agents::Agents;
use aliases::Aliases;
use bundles::BundleTable;
use table::EntryTable;
use walk::Dirty;

/// The index as it is shared: changed by the feed, read by everybody.
pub(crate) struct SharedIndex {
    index: RwLock<Index>,
    revision: watch::Sender<u64>,
    own_bundle: watch::Sender<Option<Arc<Bundle>>>,
    domain: TrustDomain,
}

impl SharedIndex {
    pub(crate) fn new(domain: TrustDomain) -> Self {
        Self {
            index: RwLock::new(Index::new(&domain)),
            revision: watch::Sender::new(0),
            own_bundle: watch::Sender::new(None),
            domain,
        }
    }

    /// Reads. Never hold this over an await: the writer thread waits for it.
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn revision_watch(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }

    pub(crate) fn own_bundle_watch(&self) -> watch::Receiver<Option<Arc<Bundle>>> {
        self.own_bundle.subscribe()
    }
}

impl ChangeObserver for SharedIndex {
    fn apply(&self, changes: &[Change]) {
        let (revision, own) = {
            let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
            index.apply(changes);
            (index.revision, index.bundle(&self.domain))
        };
        self.revision
            .send_if_modified(|old| std::mem::replace(old, revision) != revision);
        self.own_bundle.send_if_modified(|old| {
            let changed = *old != own;
            *old = own;
            changed
        });
    }
}

/// The index itself.
pub(crate) struct Index {
    domain: TrustDomain,
    /// Entries with this parent are node aliases.
    server: SpiffeId,
    revision: u64,
    entries: EntryTable,
    aliases: Aliases,
    agents: Agents,
    bundles: BundleTable,
}

impl Index {
    fn new(domain: &TrustDomain) -> Self {
        Self {
            domain: domain.clone(),
            server: domain.server_id(),
            revision: 0,
            entries: EntryTable::default(),
            aliases: Aliases::default(),
            agents: Agents::default(),
            bundles: BundleTable::default(),
        }
    }

    fn apply(&mut self, changes: &[Change]) {
        let mut dirty = Dirty::default();
        let mut changed = false;
        for change in changes {
            changed |= self.apply_one(change, &mut dirty);
        }
        if changed {
            self.revision += 1;
            self.touch(dirty);
        }
    }

    fn apply_one(&mut self, change: &Change, dirty: &mut Dirty) -> bool {
        match change {
            Change::EntryPut(entry) => self.put_entry(entry, dirty),
            Change::EntryDeleted(id) => self.delete_entry(id, dirty),
            Change::NodePut(node) => {
                if self.agents.put(node) {
                    dirty.ids.insert(node.id.clone());
                }
                true
            }
            Change::NodeDeleted(id) => {
                dirty.ids.insert(id.clone());
                self.agents.delete(id)
            }
            Change::BundlePut { row, bundle } => {
                self.bundles.put(*row, bundle);
                false
            }
            Change::BundleDeleted(domain) => {
                self.bundles.delete(domain);
                false
            }
        }
    }

    fn put_entry(&mut self, entry: &Arc<Entry>, dirty: &mut Dirty) -> bool {
        if self
            .entries
            .get(&entry.id)
            .is_some_and(|old| **old == **entry)
        {
            return false;
        }
        self.delete_entry(&entry.id, dirty);
        let entry = self.entries.insert(entry);
        if entry.parent_id == self.server {
            self.aliases.insert(&entry);
        }
        self.mark(&entry, dirty);
        true
    }

    fn delete_entry(&mut self, id: &str, dirty: &mut Dirty) -> bool {
        let Some(old) = self.entries.remove(id) else {
            return false;
        };
        if old.parent_id == self.server {
            self.aliases.remove(&old);
        }
        self.mark(&old, dirty);
        true
    }

    /// An entry by its ID.
    pub(crate) fn entry(&self, id: &str) -> Option<Arc<Entry>> {
        self.entries.get(id).cloned()
    }

    /// The entries after row `after`, in row order.
    pub(crate) fn entries_after(&self, after: i64) -> impl Iterator<Item = &Arc<Entry>> {
        self.entries.after(after)
    }

    /// The entries with this parent after row `after`, in row order.
    pub(crate) fn children_after<'i>(
        &'i self,
        parent: &SpiffeId,
        after: i64,
    ) -> impl Iterator<Item = &'i Arc<Entry>> + use<'i> {
        self.entries
            .children(parent)
            .filter(move |entry| entry.row > after)
    }

    /// The entries that issue this identity after row `after`, in row order.
    pub(crate) fn issuing_after<'i>(
        &'i self,
        id: &'i SpiffeId,
        after: i64,
    ) -> impl Iterator<Item = &'i Arc<Entry>> {
        self.entries
            .issuing(id)
            .filter(move |entry| entry.row > after)
    }

    /// A node by its ID.
    pub(crate) fn node(&self, id: &SpiffeId) -> Option<Arc<NodeRecord>> {
        self.agents.get(id).map(|agent| Arc::clone(&agent.record))
    }

    /// The nodes after row `after`, in row order.
    pub(crate) fn nodes_after(&self, after: i64) -> impl Iterator<Item = &Arc<NodeRecord>> {
        self.agents.after(after)
    }

    /// The bundle of a trust domain.
    pub(crate) fn bundle(&self, domain: &TrustDomain) -> Option<Arc<Bundle>> {
        self.bundles.get(domain).cloned()
    }

    /// The bundles after row `after`, with their rows, in row order.
    pub(crate) fn bundles_after(&self, after: i64) -> impl Iterator<Item = (i64, &Arc<Bundle>)> {
        self.bundles.after(after)
    }
}

#[cfg(test)]
mod tests;
