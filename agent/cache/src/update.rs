//! What a set of selectors is entitled to.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use steeple_spiffe::{Bundle, TrustDomain};

use crate::{Entry, X509Svid};

/// One identity with its X.509-SVID.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The entry that grants it.
    pub entry: Arc<Entry>,
    /// Its SVID.
    pub svid: Arc<X509Svid>,
}

/// Everything that a set of selectors is entitled to, at one moment.
#[derive(Clone, Debug)]
pub struct WorkloadUpdate {
    /// The identities whose SVID is there, ordered by entry id: the first is the default.
    pub identities: Vec<Identity>,
    /// The own trust domain's bundle.
    pub bundle: Arc<Bundle>,
    /// The bundles that the identities' entries federate with, as far as they are known.
    pub federated: BTreeMap<TrustDomain, Arc<Bundle>>,
}

/// Leaves one entry a hint: the oldest, and of equally old ones that with the smallest id. Entries
/// without a hint all stay; the order is kept.
pub fn without_duplicate_hints<T>(items: Vec<T>, entry: impl Fn(&T) -> &Arc<Entry>) -> Vec<T> {
    let mut kept: HashMap<String, Arc<Entry>> = HashMap::new();
    let mut dropped = HashSet::new();
    for item in &items {
        let entry = entry(item);
        if entry.hint.is_empty() {
            continue;
        }
        let Some(other) = kept.get(&entry.hint) else {
            kept.insert(entry.hint.clone(), Arc::clone(entry));
            continue;
        };
        let age = |entry: &Arc<Entry>| (entry.created_at, entry.id.clone());
        let loser = if age(entry) < age(other) {
            kept.insert(entry.hint.clone(), Arc::clone(entry))
                .map(|other| other.id.clone())
        } else {
            Some(entry.id.clone())
        };
        if let Some(id) = loser {
            tracing::warn!(
                subsystem_name = "endpoints",
                hint = entry.hint,
                entry_id = id,
                "Ignoring entry with duplicate hint"
            );
            dropped.insert(id);
        }
    }
    if dropped.is_empty() {
        return items;
    }
    items
        .into_iter()
        .filter(|item| !dropped.contains(&entry(item).id))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::tests::entry;

    fn hinted(id: &str, hint: &str, created_at: i64) -> Arc<Entry> {
        Arc::new(Entry {
            hint: hint.to_owned(),
            created_at,
            ..entry(id, "a", &["x"])
        })
    }

    #[test]
    fn one_entry_a_hint_the_oldest_then_the_smallest_id() {
        let entries = vec![
            hinted("1", "", 9),
            hinted("2", "h", 5),
            hinted("3", "h", 4),
            hinted("4", "h", 4),
            hinted("5", "", 9),
            hinted("6", "other", 1),
        ];
        let kept = without_duplicate_hints(entries, |entry| entry);
        let ids: Vec<_> = kept.iter().map(|entry| entry.id.as_str()).collect();
        assert_eq!(ids, ["1", "3", "5", "6"]);
    }
}
