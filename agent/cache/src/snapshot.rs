//! The state that readers see: replaced as a whole, never changed.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use jiff::Timestamp;
use steeple_spiffe::{Bundle, Selector, TrustDomain};

use crate::{Entry, Identity, WorkloadUpdate, X509Svid};

/// An entry and when somebody last asked for it.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) entry: Arc<Entry>,
    pub(crate) last_access: Arc<AtomicI64>,
}

/// Entries, SVIDs and bundles of one moment.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    /// By entry id, so that every walk is in the order identities are told in.
    pub(crate) records: BTreeMap<String, Record>,
    /// By the first of each entry's selectors: whoever has all of them has that one.
    by_selector: HashMap<Selector, BTreeSet<String>>,
    /// By entry id.
    pub(crate) svids: HashMap<String, Arc<X509Svid>>,
    pub(crate) bundle: Arc<Bundle>,
    pub(crate) federated: BTreeMap<TrustDomain, Arc<Bundle>>,
}

impl Snapshot {
    pub(crate) fn new(bundle: Arc<Bundle>) -> Self {
        Self {
            records: BTreeMap::new(),
            by_selector: HashMap::new(),
            svids: HashMap::new(),
            bundle,
            federated: BTreeMap::new(),
        }
    }

    /// Puts an entry in, in place of the one with the same id.
    pub(crate) fn put(&mut self, entry: Arc<Entry>) {
        let last_access = self
            .unindex(&entry.id)
            .map(|old| old.last_access)
            .unwrap_or_default();
        if let Some(first) = entry.selectors.first() {
            self.by_selector
                .entry(first.clone())
                .or_default()
                .insert(entry.id.clone());
        }
        self.records
            .insert(entry.id.clone(), Record { entry, last_access });
    }

    /// Takes an entry out, and its SVID with it.
    pub(crate) fn remove(&mut self, id: &str) {
        self.unindex(id);
        self.svids.remove(id);
    }

    fn unindex(&mut self, id: &str) -> Option<Record> {
        let old = self.records.remove(id)?;
        if let Some(first) = old.entry.selectors.first()
            && let Some(ids) = self.by_selector.get_mut(first)
        {
            ids.remove(id);
            if ids.is_empty() {
                self.by_selector.remove(first);
            }
        }
        Some(old)
    }

    /// The records whose selectors are all in `set`, by entry id.
    pub(crate) fn matching(&self, set: &HashSet<Selector>) -> Vec<&Record> {
        let mut found: Vec<_> = set
            .iter()
            .filter_map(|selector| self.by_selector.get(selector))
            .flatten()
            .filter_map(|id| self.records.get(id))
            .filter(|record| record.entry.selectors.iter().all(|s| set.contains(s)))
            .collect();
        found.sort_by(|a, b| a.entry.id.cmp(&b.entry.id));
        found
    }

    /// Whether every matching entry has its SVID.
    pub(crate) fn is_complete(&self, set: &HashSet<Selector>) -> bool {
        self.matching(set)
            .iter()
            .all(|record| self.svids.contains_key(&record.entry.id))
    }

    /// Notes that these entries are in use.
    pub(crate) fn touch(&self, set: &HashSet<Selector>, now: Timestamp) {
        for record in self.matching(set) {
            record
                .last_access
                .store(now.as_millisecond(), Ordering::Relaxed);
        }
    }

    /// What `set` is entitled to.
    pub(crate) fn update(&self, set: &HashSet<Selector>) -> WorkloadUpdate {
        let mut federated = BTreeMap::new();
        let mut identities = Vec::new();
        for Record { entry, .. } in self.matching(set) {
            let Some(svid) = self.svids.get(&entry.id) else {
                continue;
            };
            for domain in &entry.federates_with {
                if let Some(bundle) = self.federated.get(domain) {
                    federated.insert(domain.clone(), Arc::clone(bundle));
                }
            }
            // Until the SVID of a renamed entry is there, the whole identity is the old one.
            let renamed = svid.entry.spiffe_id != entry.spiffe_id;
            identities.push(Identity {
                entry: Arc::clone(if renamed { &svid.entry } else { entry }),
                svid: Arc::clone(svid),
            });
        }
        WorkloadUpdate {
            identities,
            bundle: Arc::clone(&self.bundle),
            federated,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::tests::entry;

    fn set(values: &[&str]) -> HashSet<Selector> {
        values
            .iter()
            .map(|value| Selector::new("unix", value).unwrap())
            .collect()
    }

    fn ids(snapshot: &Snapshot, values: &[&str]) -> Vec<String> {
        snapshot
            .matching(&set(values))
            .iter()
            .map(|record| record.entry.id.clone())
            .collect()
    }

    fn snapshot() -> Snapshot {
        let domain = TrustDomain::parse("example.org").unwrap();
        let mut snapshot = Snapshot::new(Arc::new(Bundle::empty(domain)));
        for (id, selectors) in [("3", &["a"][..]), ("1", &["a", "b"]), ("2", &["b", "c"])] {
            snapshot.put(Arc::new(entry(id, "x", selectors)));
        }
        snapshot
    }

    #[test]
    fn an_entry_matches_when_the_process_has_all_its_selectors() {
        let snapshot = snapshot();
        assert_eq!(ids(&snapshot, &["a", "b", "z"]), ["1", "3"]);
        assert_eq!(ids(&snapshot, &["a"]), ["3"]);
        assert_eq!(ids(&snapshot, &["a", "b", "c"]), ["1", "2", "3"]);
        assert!(ids(&snapshot, &["b"]).is_empty());
        assert!(ids(&snapshot, &[]).is_empty());
    }

    #[test]
    fn changed_and_removed_entries_are_found_no_more_by_what_they_were() {
        let mut snapshot = snapshot();
        snapshot.put(Arc::new(entry("3", "x", &["q"])));
        assert!(ids(&snapshot, &["a"]).is_empty());
        assert_eq!(ids(&snapshot, &["q"]), ["3"]);
        snapshot.remove("3");
        assert!(ids(&snapshot, &["q"]).is_empty());
        assert_eq!(snapshot.by_selector.len(), 2);
    }
}
