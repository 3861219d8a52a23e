//! Walking the index: down from an agent to its entries, and up from an entry to its agents.
//!
//! An identity leads down to the entries that have it as their parent, and each of those to the
//! identity it issues. An agent also leads to the names it has by node aliases: entries whose
//! parent is the server and whose selectors were all proven of the node. Aliases themselves are
//! nobody's to issue.

use std::{collections::HashSet, sync::Arc};

use steeple_spiffe::{Selector, SpiffeId};
use steeple_store::Entry;

use super::{AuthorizedEntries, CallerEntries, Index};

/// Where the answers may have changed: everything from which one of these is reached.
///
/// It is enough to walk up once after a group of changes. A way up that the group has cut begins
/// at something the group has changed, which is in here itself.
#[derive(Default)]
pub(super) struct Dirty {
    pub(super) ids: HashSet<SpiffeId>,
    aliases: Vec<Arc<Entry>>,
}

impl Index {
    /// The entries that `agent` may issue.
    pub(crate) fn authorized(&self, agent: &SpiffeId) -> Arc<AuthorizedEntries> {
        match self.agents.get(agent) {
            Some(known) => {
                known.answer(|| AuthorizedEntries::new(known.revision, self.descend(agent)))
            }
            // Not attested, so it has no aliases; its answer is not kept.
            None => Arc::new(AuthorizedEntries::new(self.revision, self.descend(agent))),
        }
    }

    fn descend(&self, from: &SpiffeId) -> Vec<Arc<Entry>> {
        let mut seen = HashSet::from([from]);
        let mut to_visit = vec![from];
        let mut found = Vec::new();
        while let Some(id) = to_visit.pop() {
            if *id != self.server {
                for entry in self
                    .entries
                    .children(id)
                    .filter(|entry| self.is_ours(entry))
                {
                    found.push(Arc::clone(entry));
                    if seen.insert(&entry.spiffe_id) {
                        to_visit.push(&entry.spiffe_id);
                    }
                }
            }
            for alias in self.aliases_of(id) {
                if seen.insert(&alias.spiffe_id) {
                    to_visit.push(&alias.spiffe_id);
                }
            }
        }
        found
    }

    /// An entry of another trust domain may be in the database, but leads nowhere.
    fn is_ours(&self, entry: &Entry) -> bool {
        entry.spiffe_id.is_member_of(&self.domain) && entry.parent_id.is_member_of(&self.domain)
    }

    fn aliases_of(&self, agent: &SpiffeId) -> Vec<&Arc<Entry>> {
        let Some(agent) = self.agents.get(agent) else {
            return Vec::new();
        };
        let proven: HashSet<&Selector> = agent.record.selectors.iter().collect();
        let candidates = self.aliases.candidates(agent.record.selectors.iter());
        candidates
            .filter_map(|row| self.entries.row(row))
            .filter(|alias| self.is_ours(alias))
            .filter(|alias| alias.selectors.iter().all(|s| proven.contains(s)))
            .collect()
    }

    /// Notes that `entry` is new or gone.
    pub(super) fn mark(&self, entry: &Arc<Entry>, dirty: &mut Dirty) {
        if entry.parent_id == self.server {
            dirty.aliases.push(Arc::clone(entry));
        } else {
            dirty.ids.insert(entry.parent_id.clone());
        }
    }

    /// Tells every agent that reaches something in `dirty` that its answer may have changed.
    pub(super) fn touch(&mut self, dirty: Dirty) {
        let mut seen = dirty.ids;
        for alias in &dirty.aliases {
            seen.extend(self.agents.having(&alias.selectors).cloned());
        }
        let mut to_visit: Vec<SpiffeId> = seen.iter().cloned().collect();
        while let Some(id) = to_visit.pop() {
            self.agents.touch(&id, self.revision);
            for above in self.leading_to(&id) {
                if seen.insert(above.clone()) {
                    to_visit.push(above);
                }
            }
        }
    }

    /// The identities from which one step leads down to `id`.
    fn leading_to(&self, id: &SpiffeId) -> HashSet<SpiffeId> {
        let mut above = HashSet::new();
        for entry in self.entries.issuing(id) {
            if entry.parent_id == self.server {
                above.extend(self.agents.having(&entry.selectors).cloned());
            } else {
                above.insert(entry.parent_id.clone());
            }
        }
        above
    }

    /// What the entries that issue `id` let it do.
    pub(crate) fn caller(&self, id: &SpiffeId) -> CallerEntries {
        let mut found = CallerEntries::default();
        for entry in self.entries.issuing(id) {
            found.admin |= entry.admin;
            if entry.downstream && found.downstream.is_none() {
                found.downstream = Some(Arc::clone(entry));
            }
        }
        found
    }
}
