//! Entries by row, by ID, by parent, and by the identity they issue.
//!
//! Made to be small: each of the four is a few bytes an entry, and the texts that entries have in
//! common are held once.

use std::{
    borrow::Borrow,
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    hash::{BuildHasher, Hash, Hasher, RandomState},
    ops::Bound,
    sync::Arc,
};

use steeple_spiffe::{Selector, SpiffeId};
use steeple_store::Entry;

#[derive(Default)]
pub(super) struct EntryTable {
    rows: BTreeMap<i64, Arc<Entry>>,
    ids: HashSet<ById>,
    children: HashMap<SpiffeId, BTreeSet<i64>>,
    /// Hash of the identity and row; the identity itself is in the entry.
    identities: BTreeSet<(u64, i64)>,
    hasher: RandomState,
    selectors: Pool<Selector>,
}

impl EntryTable {
    pub(super) fn get(&self, id: &str) -> Option<&Arc<Entry>> {
        self.ids.get(id).map(|by_id| &by_id.0)
    }

    /// The entry in a row.
    pub(super) fn row(&self, row: i64) -> Option<&Arc<Entry>> {
        self.rows.get(&row)
    }

    /// Takes over an entry whose ID is not there, with its texts shared; answers it so.
    pub(super) fn insert(&mut self, entry: &Entry) -> Arc<Entry> {
        let entry = Arc::new(self.share(entry));
        let row = entry.row;
        self.identities
            .insert((self.hasher.hash_one(&entry.spiffe_id), row));
        self.children
            .entry(entry.parent_id.clone())
            .or_default()
            .insert(row);
        self.ids.insert(ById(Arc::clone(&entry)));
        self.rows.insert(row, Arc::clone(&entry));
        entry
    }

    fn share(&mut self, entry: &Entry) -> Entry {
        let mut shared = entry.clone();
        if let Some((parent, _)) = self.children.get_key_value(&entry.parent_id) {
            shared.parent_id = parent.clone();
        }
        for selector in &mut shared.selectors {
            *selector = self.selectors.take(selector);
        }
        shared
    }

    pub(super) fn remove(&mut self, id: &str) -> Option<Arc<Entry>> {
        let ById(entry) = self.ids.take(id)?;
        self.rows.remove(&entry.row);
        self.identities
            .remove(&(self.hasher.hash_one(&entry.spiffe_id), entry.row));
        if let Some(rows) = self.children.get_mut(&entry.parent_id) {
            rows.remove(&entry.row);
            if rows.is_empty() {
                self.children.remove(&entry.parent_id);
            }
        }
        for selector in &entry.selectors {
            self.selectors.release(selector);
        }
        Some(entry)
    }

    /// The entries after a row.
    pub(super) fn after(&self, row: i64) -> impl Iterator<Item = &Arc<Entry>> {
        self.rows
            .range((Bound::Excluded(row), Bound::Unbounded))
            .map(|(_, entry)| entry)
    }

    /// The entries with this parent, in row order.
    pub(super) fn children<'i>(
        &'i self,
        parent: &SpiffeId,
    ) -> impl Iterator<Item = &'i Arc<Entry>> + use<'i> {
        self.children
            .get(parent)
            .into_iter()
            .flatten()
            .filter_map(|row| self.rows.get(row))
    }

    /// The entries that issue this identity, in row order.
    pub(super) fn issuing<'i>(&'i self, id: &'i SpiffeId) -> impl Iterator<Item = &'i Arc<Entry>> {
        let hash = self.hasher.hash_one(id);
        let same_hash = self.identities.range((hash, i64::MIN)..=(hash, i64::MAX));
        same_hash
            .filter_map(|(_, row)| self.rows.get(row))
            .filter(move |entry| entry.spiffe_id == *id)
    }
}

#[cfg(test)]
impl EntryTable {
    /// Whether nothing is left in any part.
    pub(super) fn is_empty(&self) -> bool {
        let Self {
            rows,
            ids,
            children,
            identities,
            selectors,
            hasher: _,
        } = self;
        rows.is_empty()
            && ids.is_empty()
            && children.is_empty()
            && identities.is_empty()
            && selectors.0.is_empty()
    }
}

/// An entry that is found by its ID without holding the ID a second time.
struct ById(Arc<Entry>);

impl Borrow<str> for ById {
    fn borrow(&self) -> &str {
        &self.0.id
    }
}

impl Hash for ById {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (*self.0.id).hash(state);
    }
}

impl PartialEq for ById {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id
    }
}

impl Eq for ById {}

/// Values that are cheap to clone, each held once however many use it.
struct Pool<T>(HashMap<T, u32>);

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T: Clone + Eq + Hash> Pool<T> {
    fn take(&mut self, value: &T) -> T {
        let users = self.0.entry(value.clone());
        let shared = users.key().clone();
        *users.or_insert(0) += 1;
        shared
    }

    fn release(&mut self, value: &T) {
        if let Some(users) = self.0.get_mut(value) {
            *users -= 1;
            if *users == 0 {
                self.0.remove(value);
            }
        }
    }
}
