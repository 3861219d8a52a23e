//! The suite that every implementation of [`Store`] calls from its tests.
//!
//! Each part takes a fresh, empty store, and a bystander's view of it: a [`Mirror`] that has
//! observed it from the beginning and must agree with what the store answers.

mod bundles;
mod entries;
mod nodes;
mod rest;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use steeple_spiffe::{Bundle, Selector, SpiffeId, TrustDomain};

use crate::{Change, ChangeObserver, Entry, NodeRecord, Store};

/// Runs the whole suite; `fresh` makes an empty store each time it is called.
///
/// # Panics
/// When the implementation breaks a rule.
pub async fn run<S, F>(fresh: impl Fn() -> F)
where
    S: Store + 'static,
    F: Future<Output = S>,
{
    macro_rules! parts {
        ($($part:path),* $(,)?) => {$({
            let store: Arc<dyn Store> = Arc::new(fresh().await);
            let mirror = Mirror::of(&store).await;
            $part(Arc::clone(&store), Arc::clone(&mirror)).await;
            mirror.agrees_with_a_new_one(&store).await;
        })*};
    }
    parts!(
        entries::create,
        entries::similar,
        entries::update,
        entries::delete_and_prune,
        nodes::attest,
        nodes::renew,
        nodes::delete,
        nodes::prune,
        bundles::edit,
        bundles::taint_and_revoke,
        bundles::delete,
        rest::tokens,
        rest::token_race,
        rest::journals,
    );
}

/// What an observer knows.
#[derive(Default)]
pub struct Mirror(Mutex<Known>);

#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Known {
    entries: BTreeMap<Box<str>, Arc<Entry>>,
    nodes: BTreeMap<SpiffeId, Arc<NodeRecord>>,
    bundles: BTreeMap<TrustDomain, (i64, Arc<Bundle>)>,
}

impl Mirror {
    async fn of(store: &Arc<dyn Store>) -> Arc<Self> {
        let mirror = Arc::new(Self::default());
        let observer: Arc<Self> = Arc::clone(&mirror);
        must(store.observe(observer).await);
        mirror
    }

    fn known(&self) -> Known {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn entry(&self, id: &str) -> Option<Arc<Entry>> {
        self.known().entries.get(id).cloned()
    }

    fn node(&self, id: &SpiffeId) -> Option<Arc<NodeRecord>> {
        self.known().nodes.get(id).cloned()
    }

    /// What was told change by change must be what a newcomer is told at once.
    async fn agrees_with_a_new_one(&self, store: &Arc<dyn Store>) {
        assert_eq!(self.known(), Self::of(store).await.known());
    }
}

impl ChangeObserver for Mirror {
    fn apply(&self, changes: &[Change]) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for change in changes {
            match change {
                Change::EntryPut(entry) => {
                    known.entries.insert(entry.id.clone(), Arc::clone(entry));
                }
                Change::EntryDeleted(id) => drop(known.entries.remove(id)),
                Change::NodePut(node) => {
                    known.nodes.insert(node.id.clone(), Arc::clone(node));
                }
                Change::NodeDeleted(id) => drop(known.nodes.remove(id)),
                Change::BundlePut { row, bundle } => {
                    let put = (*row, Arc::clone(bundle));
                    known.bundles.insert(bundle.trust_domain.clone(), put);
                }
                Change::BundleDeleted(domain) => drop(known.bundles.remove(domain)),
            }
        }
    }
}

#[expect(clippy::panic, reason = "this is test code that implementations link")]
fn must<T, E: std::fmt::Debug>(result: Result<T, E>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("the store refused: {error:?}"),
    }
}

#[expect(clippy::panic, reason = "this is test code that implementations link")]
fn refused<T: std::fmt::Debug, E>(result: Result<T, E>) -> E {
    match result {
        Ok(value) => panic!("the store took it: {value:?}"),
        Err(error) => error,
    }
}

fn domain(name: &str) -> TrustDomain {
    must(TrustDomain::parse(name))
}

/// An ID in `example.org`.
fn id(path: &str) -> SpiffeId {
    must(domain("example.org").member(path))
}

fn selectors(texts: &[&str]) -> Vec<Selector> {
    texts.iter().map(|text| must(text.parse())).collect()
}
