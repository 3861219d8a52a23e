//! Node aliases, found by what was proven of a node.

use std::collections::{BTreeSet, HashMap};

use steeple_spiffe::Selector;
use steeple_store::Entry;

/// Each alias is kept under one of its selectors only. A node it stands for has all of them, so
/// it is found by that one; and a selector that all nodes share does not lead to all aliases.
#[derive(Default)]
pub(super) struct Aliases(HashMap<Selector, BTreeSet<i64>>);

impl Aliases {
    /// Takes over an alias. One without selectors is nobody's.
    pub(super) fn insert(&mut self, alias: &Entry) {
        let crowd = |selector: &&Selector| self.0.get(*selector).map_or(0, BTreeSet::len);
        if let Some(selector) = alias.selectors.iter().min_by_key(crowd) {
            self.0
                .entry(selector.clone())
                .or_default()
                .insert(alias.row);
        }
    }

    pub(super) fn remove(&mut self, alias: &Entry) {
        for selector in &alias.selectors {
            if let Some(rows) = self.0.get_mut(selector)
                && rows.remove(&alias.row)
            {
                if rows.is_empty() {
                    self.0.remove(selector);
                }
                return;
            }
        }
    }

    /// The rows of the aliases that a node with these selectors may have; the other selectors of
    /// each are still to be compared.
    pub(super) fn candidates<'a>(
        &'a self,
        proven: impl Iterator<Item = &'a Selector>,
    ) -> impl Iterator<Item = i64> {
        proven
            .filter_map(|selector| self.0.get(selector))
            .flatten()
            .copied()
    }

    /// Whether there is none.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
