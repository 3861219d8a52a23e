//! Bundles by row and by trust domain.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Bound,
    sync::Arc,
};

use steeple_spiffe::{Bundle, TrustDomain};

#[derive(Default)]
pub(super) struct BundleTable {
    rows: BTreeMap<i64, Arc<Bundle>>,
    by_domain: HashMap<TrustDomain, i64>,
}

impl BundleTable {
    pub(super) fn put(&mut self, row: i64, bundle: &Arc<Bundle>) {
        if let Some(old) = self.by_domain.insert(bundle.trust_domain.clone(), row) {
            self.rows.remove(&old);
        }
        self.rows.insert(row, Arc::clone(bundle));
    }

    pub(super) fn delete(&mut self, domain: &TrustDomain) {
        if let Some(row) = self.by_domain.remove(domain) {
            self.rows.remove(&row);
        }
    }

    pub(super) fn get(&self, domain: &TrustDomain) -> Option<&Arc<Bundle>> {
        self.rows.get(self.by_domain.get(domain)?)
    }

    pub(super) fn after(&self, after: i64) -> impl Iterator<Item = (i64, &Arc<Bundle>)> {
        self.rows
            .range((Bound::Excluded(after), Bound::Unbounded))
            .map(|(row, b)| (*row, b))
    }
}
