//! The nodes, by ID, by row and by what was proven of them.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    ops::Bound,
    sync::{Arc, Mutex, PoisonError},
};

use steeple_spiffe::{Selector, SpiffeId};
use steeple_store::NodeRecord;

use super::AuthorizedEntries;

#[derive(Default)]
pub(super) struct Agents {
    by_id: HashMap<SpiffeId, Agent>,
    rows: BTreeMap<i64, Arc<NodeRecord>>,
    by_selector: HashMap<Selector, HashSet<SpiffeId>>,
}

/// A node and its current answer.
pub(super) struct Agent {
    pub(super) record: Arc<NodeRecord>,
    /// The revision at which this node's answer last may have changed.
    pub(super) revision: u64,
    answer: Mutex<Option<Arc<AuthorizedEntries>>>,
}

impl Agent {
    /// The answer, computed only when it may have changed. The caller holds the index's read
    /// lock, so `compute` sees what the answer is kept for.
    pub(super) fn answer(
        &self,
        compute: impl FnOnce() -> AuthorizedEntries,
    ) -> Arc<AuthorizedEntries> {
        let mut answer = self.answer.lock().unwrap_or_else(PoisonError::into_inner);
        match &*answer {
            Some(known) if known.revision == self.revision => Arc::clone(known),
            _ => {
                let fresh = Arc::new(compute());
                *answer = Some(Arc::clone(&fresh));
                fresh
            }
        }
    }
}

impl Agents {
    pub(super) fn get(&self, id: &SpiffeId) -> Option<&Agent> {
        self.by_id.get(id)
    }

    /// Takes over a node; answers whether it is new or other things were proven of it.
    pub(super) fn put(&mut self, node: &Arc<NodeRecord>) -> bool {
        let known = self.by_id.get_mut(&node.id);
        let same = known
            .as_ref()
            .is_some_and(|agent| agent.record.selectors == node.selectors);
        match known {
            Some(agent) if same => {
                self.rows.remove(&agent.record.row);
                agent.record = Arc::clone(node);
            }
            _ => {
                self.delete(&node.id);
                for selector in &node.selectors {
                    let holders = self.by_selector.entry(selector.clone()).or_default();
                    holders.insert(node.id.clone());
                }
                let agent = Agent {
                    record: Arc::clone(node),
                    revision: 0,
                    answer: Mutex::new(None),
                };
                self.by_id.insert(node.id.clone(), agent);
            }
        }
        self.rows.insert(node.row, Arc::clone(node));
        !same
    }

    pub(super) fn delete(&mut self, id: &SpiffeId) -> bool {
        let Some(agent) = self.by_id.remove(id) else {
            return false;
        };
        self.rows.remove(&agent.record.row);
        for selector in &agent.record.selectors {
            if let Some(holders) = self.by_selector.get_mut(selector) {
                holders.remove(id);
                if holders.is_empty() {
                    self.by_selector.remove(selector);
                }
            }
        }
        true
    }

    /// Says that a node's answer may have changed.
    pub(super) fn touch(&mut self, id: &SpiffeId, revision: u64) {
        if let Some(agent) = self.by_id.get_mut(id) {
            agent.revision = revision;
            // The old answer may be large; the agent may never ask again.
            *agent
                .answer
                .get_mut()
                .unwrap_or_else(PoisonError::into_inner) = None;
        }
    }

    /// The nodes of which all of `selectors` were proven. None for an empty list: an alias
    /// without selectors is nobody's.
    pub(super) fn having<'a>(
        &'a self,
        selectors: &'a [Selector],
    ) -> impl Iterator<Item = &'a SpiffeId> {
        let holders = |selector| self.by_selector.get(selector);
        let fewest = selectors
            .iter()
            .min_by_key(|s| holders(s).map_or(0, HashSet::len));
        let candidates = fewest.and_then(holders).into_iter().flatten();
        candidates.filter(move |id| {
            selectors
                .iter()
                .all(|s| holders(s).is_some_and(|held_by| held_by.contains(*id)))
        })
    }

    /// The nodes after a row, in row order.
    pub(super) fn after(&self, row: i64) -> impl Iterator<Item = &Arc<NodeRecord>> {
        self.rows
            .range((Bound::Excluded(row), Bound::Unbounded))
            .map(|(_, node)| node)
    }
}

#[cfg(test)]
impl Agents {
    /// Whether nothing is left in any part.
    pub(super) fn is_empty(&self) -> bool {
        self.by_id.is_empty() && self.rows.is_empty() && self.by_selector.is_empty()
    }
}
