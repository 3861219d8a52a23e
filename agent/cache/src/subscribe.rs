//! Being told when what a set of selectors is entitled to changes.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use steeple_spiffe::Selector;
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

use crate::{Cache, Entry, WorkloadUpdate};

/// How long the first update is held back for identities that have no SVID yet while others have.
const PATIENCE: Duration = Duration::from_secs(5);

/// Everyone who wants to be told.
#[derive(Debug, Default)]
pub(crate) struct Subscribers(Mutex<HashMap<u64, Subscriber>>);

#[derive(Debug)]
struct Subscriber {
    set: Arc<HashSet<Selector>>,
    changed: watch::Sender<()>,
}

impl Subscribers {
    fn add(&self, id: u64, set: Arc<HashSet<Selector>>) -> watch::Receiver<()> {
        let (changed, told) = watch::channel(());
        self.lock().insert(id, Subscriber { set, changed });
        told
    }

    fn remove(&self, id: u64) {
        self.lock().remove(&id);
    }

    /// Tells everyone.
    pub(crate) fn tell_all(&self) {
        for subscriber in self.lock().values() {
            subscriber.changed.send_replace(());
        }
    }

    /// Tells those whose selectors contain one of `changed`.
    pub(crate) fn tell(&self, changed: &[Vec<Selector>]) {
        if changed.is_empty() {
            return;
        }
        for subscriber in self.lock().values() {
            let concerned = |selectors: &Vec<Selector>| {
                selectors
                    .iter()
                    .all(|selector| subscriber.set.contains(selector))
            };
            if changed.iter().any(concerned) {
                subscriber.changed.send_replace(());
            }
        }
    }

    /// The selector sets that somebody waits on now, each once.
    pub(crate) fn sets(&self) -> Vec<Arc<HashSet<Selector>>> {
        let mut sets: Vec<Arc<HashSet<Selector>>> = Vec::new();
        for subscriber in self.lock().values() {
            if !sets.iter().any(|set| set == &subscriber.set) {
                sets.push(Arc::clone(&subscriber.set));
            }
        }
        sets
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Subscriber>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Yields what a set of selectors is entitled to, now and after each change. While it lives, the
/// SVIDs concerned are kept and renewed.
#[derive(Debug)]
pub struct Subscription {
    cache: Cache,
    id: u64,
    set: Arc<HashSet<Selector>>,
    told: watch::Receiver<()>,
    started: bool,
}

impl Subscription {
    pub(crate) fn new(cache: Cache, id: u64, selectors: Vec<Selector>) -> Self {
        let set: Arc<HashSet<Selector>> = Arc::new(selectors.into_iter().collect());
        let told = cache.subscribers().add(id, Arc::clone(&set));
        cache.touch(&set);
        Self {
            cache,
            id,
            set,
            told,
            started: false,
        }
    }

    /// The next update: at first as soon as every matching entry has its SVID, then after each
    /// change. Changes in between are told as one. Never ends by itself.
    pub async fn next(&mut self) -> WorkloadUpdate {
        if self.started {
            self.changed().await;
        } else {
            self.complete().await;
            self.started = true;
        }
        self.cache.update(&self.set)
    }

    async fn changed(&mut self) {
        if self.told.changed().await.is_err() {
            // The sender goes with this subscription only.
            std::future::pending::<()>().await;
        }
    }

    /// Waits for the SVIDs that are missing; if some are there, not for ever.
    async fn complete(&mut self) {
        let until = Instant::now() + PATIENCE;
        let mut told = false;
        loop {
            self.told.mark_unchanged();
            if self.cache.is_complete(&self.set) {
                return;
            }
            if !told {
                tracing::info!(
                    subsystem_name = "cache_manager",
                    "Waiting for SVID to get cached"
                );
                told = true;
            }
            self.cache.mint_soon();
            if self.cache.update(&self.set).identities.is_empty() {
                self.changed().await;
            } else if timeout_at(until, self.changed()).await.is_err() {
                return;
            }
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.cache.subscribers().remove(self.id);
    }
}

/// The selectors of an entry, to tell by.
pub(crate) fn selectors_of(entry: &Entry) -> Vec<Selector> {
    entry.selectors.clone()
}
