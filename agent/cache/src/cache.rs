//! The handle to all of it, and the task that keeps it in step with the server.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use steeple_lifecycle::Clock;
use steeple_spiffe::{Bundle, Selector, TrustDomain, key::KeyType};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::{
    Entry, Server, ServerError, Subscription, WorkloadUpdate,
    backoff::Backoff,
    jwt::JwtCache,
    mint::Minter,
    rotation::Rotation,
    snapshot::Snapshot,
    subscribe::{Subscribers, selectors_of},
    sync::{Authorized, Syncer},
};

/// The longest wait between two tries to sync.
const MAX_SYNC_WAIT: Duration = Duration::from_secs(8 * 60);
/// The longest wait as a multiple of the interval.
const MAX_SYNC_INTERVALS: u32 = 48;
/// With nothing to hand out yet, nobody should wait long for the first identity.
const EMPTY_SYNC_INTERVAL: Duration = Duration::from_secs(5);

/// Settings of a cache.
#[derive(Clone, Debug)]
pub struct CacheConfig {
    /// How often to ask the server for changes.
    pub sync_interval: Duration,
    /// Whether to ask for what has changed only, of servers that can tell.
    pub sync_by_revision: bool,
    /// How many X.509-SVIDs are kept besides those in use.
    pub x509_svid_max: usize,
    /// How many JWT-SVIDs are kept.
    pub jwt_svid_max: usize,
    /// How long to wait for a new JWT-SVID while the old one is still valid.
    pub jwt_refresh_timeout: Duration,
    /// The type of the workloads' keys.
    pub key_type: KeyType,
    /// When X.509-SVIDs are renewed.
    pub rotation: Rotation,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self {
            sync_interval: Duration::from_secs(5),
            sync_by_revision: true,
            x509_svid_max: 1000,
            jwt_svid_max: 1000,
            jwt_refresh_timeout: Duration::from_secs(5),
            key_type: KeyType::EcP256,
            rotation: Rotation::default(),
        }
    }
}

/// The agent's cache. Clones share it.
#[derive(Clone)]
pub struct Cache(Arc<Inner>);

struct Inner {
    config: CacheConfig,
    server: Server,
    clock: Clock,
    snapshot: ArcSwap<Snapshot>,
    /// Held while a new snapshot is made from the last one.
    writing: Mutex<()>,
    subscribers: Subscribers,
    next_subscriber: AtomicU64,
    own_bundle: watch::Sender<Arc<Bundle>>,
    last_sync: watch::Sender<Option<Timestamp>>,
    syncer: tokio::sync::Mutex<Syncer>,
    minter: tokio::sync::Mutex<Minter>,
    mint_wanted: Notify,
    sync_wanted: Notify,
    jwt: JwtCache,
}

impl Cache {
    /// A cache that knows the bundle and nothing else.
    pub fn new(config: CacheConfig, server: Server, bundle: Arc<Bundle>, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            snapshot: ArcSwap::from_pointee(Snapshot::new(Arc::clone(&bundle))),
            writing: Mutex::default(),
            subscribers: Subscribers::default(),
            next_subscriber: AtomicU64::default(),
            own_bundle: watch::Sender::new(bundle),
            last_sync: watch::Sender::new(None),
            syncer: tokio::sync::Mutex::new(Syncer::new(server.clone(), config.sync_by_revision)),
            minter: tokio::sync::Mutex::default(),
            mint_wanted: Notify::new(),
            sync_wanted: Notify::new(),
            jwt: JwtCache::new(config.jwt_svid_max),
            config,
            server,
            clock,
        }))
    }

    /// The own trust domain's bundle, now and whenever it changes.
    pub fn own_bundle(&self) -> watch::Receiver<Arc<Bundle>> {
        self.0.own_bundle.subscribe()
    }

    /// When the last sync succeeded.
    pub fn last_sync(&self) -> watch::Receiver<Option<Timestamp>> {
        self.0.last_sync.subscribe()
    }

    /// How many X.509-SVIDs there are.
    pub fn x509_svids(&self) -> usize {
        self.0.snapshot.load().svids.len()
    }

    /// What `selectors` are entitled to right now.
    pub fn fetch(&self, selectors: &[Selector]) -> WorkloadUpdate {
        self.update(&selectors.iter().cloned().collect())
    }

    /// The entries whose selectors are all among `selectors`, by entry id.
    pub fn matching_entries(&self, selectors: &[Selector]) -> Vec<Arc<Entry>> {
        let set = selectors.iter().cloned().collect();
        let snapshot = self.0.snapshot.load();
        snapshot
            .matching(&set)
            .into_iter()
            .map(|record| Arc::clone(&record.entry))
            .collect()
    }

    /// Follows what `selectors` are entitled to.
    pub fn subscribe(&self, selectors: Vec<Selector>) -> Subscription {
        let id = self.0.next_subscriber.fetch_add(1, Ordering::Relaxed);
        Subscription::new(self.clone(), id, selectors)
    }

    /// Syncs once: entries and bundles. X.509-SVIDs follow by themselves.
    ///
    /// # Errors
    /// When the server cannot be asked or refuses; what was known stays.
    pub async fn sync(&self) -> Result<(), ServerError> {
        let authorized = self.0.syncer.lock().await.fetch().await?;
        self.apply(authorized);
        self.0.last_sync.send_replace(Some(self.0.clock.now()));
        self.mint_soon();
        Ok(())
    }

    /// Syncs again and again until `stopping`.
    ///
    /// # Errors
    /// When going on makes no sense: the server denies the agent, or is not the one that the
    /// bundle vouches for.
    pub async fn run_sync(&self, stopping: CancellationToken) -> Result<(), ServerError> {
        let interval = self.0.config.sync_interval;
        let longest = MAX_SYNC_WAIT.min(interval.saturating_mul(MAX_SYNC_INTERVALS));
        let mut backoff = Backoff::new(interval, longest);
        let mut wait = backoff.next_wait().min(EMPTY_SYNC_INTERVAL);
        loop {
            tokio::select! {
                () = stopping.cancelled() => return Ok(()),
                () = self.0.sync_wanted.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
            let synced = tokio::select! {
                () = stopping.cancelled() => return Ok(()),
                synced = self.sync() => synced,
            };
            wait = match synced {
                Ok(()) => {
                    backoff.reset();
                    self.calm_wait(&mut backoff)
                }
                Err(error) => self.wait_after(error, &mut backoff)?,
            };
        }
    }

    fn calm_wait(&self, backoff: &mut Backoff) -> Duration {
        let wait = backoff.next_wait();
        if self.x509_svids() == 0 {
            wait.min(EMPTY_SYNC_INTERVAL)
        } else {
            wait
        }
    }

    /// How long to wait after a failed sync, if there is a point in waiting.
    fn wait_after(
        &self,
        error: ServerError,
        backoff: &mut Backoff,
    ) -> Result<Duration, ServerError> {
        if error.is_unknown_authority() {
            tracing::info!(subsystem_name = "manager", %error, "Synchronize failed, non-recoverable error");
            return Err(error);
        }
        tracing::error!(subsystem_name = "manager", %error, "Synchronize failed");
        if error.denial().is_some() {
            return Err(error);
        }
        if error.never_arrived() {
            // A server that is away is not spared by waiting longer, only missed when it is back.
            backoff.reset();
        }
        Ok(backoff.next_wait())
    }

    /// Takes over what the server says and tells who is concerned.
    fn apply(&self, authorized: Authorized) {
        let told = self.modify(|snapshot| {
            let mut told = Told::default();
            told.bundles(snapshot, authorized.bundle, authorized.federated);
            let served: BTreeMap<_, _> = authorized
                .entries
                .into_iter()
                .filter(|(_, entry)| !entry.store_svid)
                .collect();
            told.removals(snapshot, &served);
            for entry in served.into_values() {
                told.entry(snapshot, entry);
            }
            told
        });
        if told.outdated > 0 {
            tracing::debug!(
                subsystem_name = "cache_manager",
                outdated_svids = told.outdated,
                "Updating SVIDs with outdated attributes in cache"
            );
        }
        let bundle = Arc::clone(&self.0.snapshot.load().bundle);
        self.0.jwt.drop_tainted(&bundle);
        if told.everyone {
            self.0.own_bundle.send_replace(bundle);
            self.0.subscribers.tell_all();
        } else {
            self.0.subscribers.tell(&told.selectors);
        }
    }

    /// Makes the next snapshot.
    pub(crate) fn modify<T>(&self, change: impl FnOnce(&mut Snapshot) -> T) -> T {
        let _writing = self
            .0
            .writing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut next = Snapshot::clone(&self.0.snapshot.load());
        let outcome = change(&mut next);
        self.0.snapshot.store(Arc::new(next));
        outcome
    }

    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.0.snapshot.load_full()
    }

    pub(crate) fn update(&self, set: &HashSet<Selector>) -> WorkloadUpdate {
        self.0.snapshot.load().update(set)
    }

    pub(crate) fn is_complete(&self, set: &HashSet<Selector>) -> bool {
        self.0.snapshot.load().is_complete(set)
    }

    pub(crate) fn touch(&self, set: &HashSet<Selector>) {
        self.0.snapshot.load().touch(set, self.0.clock.now());
    }

    pub(crate) fn subscribers(&self) -> &Subscribers {
        &self.0.subscribers
    }

    pub(crate) fn minter(&self) -> &tokio::sync::Mutex<Minter> {
        &self.0.minter
    }

    /// Has the next sync come without delay.
    pub(crate) fn sync_soon(&self) {
        self.0.sync_wanted.notify_one();
    }

    /// Has missing and due SVIDs minted without delay.
    pub(crate) fn mint_soon(&self) {
        self.0.mint_wanted.notify_one();
    }

    pub(crate) fn mint_wanted(&self) -> &Notify {
        &self.0.mint_wanted
    }

    pub(crate) fn server(&self) -> &Server {
        &self.0.server
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.0.clock
    }

    pub(crate) fn config(&self) -> &CacheConfig {
        &self.0.config
    }

    pub(crate) fn jwt(&self) -> &JwtCache {
        &self.0.jwt
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let snapshot = self.0.snapshot.load();
        f.debug_struct("Cache")
            .field("entries", &snapshot.records.len())
            .field("x509_svids", &snapshot.svids.len())
            .finish_non_exhaustive()
    }
}

/// Who is to be told of a change.
#[derive(Default)]
struct Told {
    everyone: bool,
    selectors: Vec<Vec<Selector>>,
    changed_bundles: BTreeSet<TrustDomain>,
    outdated: usize,
}

impl Told {
    fn bundles(
        &mut self,
        snapshot: &mut Snapshot,
        own: Option<Bundle>,
        federated: BTreeMap<TrustDomain, Bundle>,
    ) {
        if let Some(own) = own.filter(|own| own != &*snapshot.bundle) {
            log_bundle(&own.trust_domain, "Bundle updated");
            snapshot.bundle = Arc::new(own);
            self.everyone = true;
        }
        snapshot.federated.retain(|domain, _| {
            let stays = federated.contains_key(domain);
            if !stays {
                log_bundle(domain, "Bundle removed");
                self.changed_bundles.insert(domain.clone());
            }
            stays
        });
        for (domain, bundle) in federated {
            match snapshot.federated.get(&domain) {
                Some(known) if **known == bundle => continue,
                Some(_) => log_bundle(&domain, "Bundle updated"),
                None => log_bundle(&domain, "Bundle added"),
            }
            self.changed_bundles.insert(domain.clone());
            snapshot.federated.insert(domain, Arc::new(bundle));
        }
    }

    fn removals(&mut self, snapshot: &mut Snapshot, served: &BTreeMap<String, Arc<Entry>>) {
        let gone: Vec<_> = snapshot
            .records
            .values()
            .filter(|record| !served.contains_key(&record.entry.id))
            .map(|record| Arc::clone(&record.entry))
            .collect();
        for entry in gone {
            tracing::debug!(
                subsystem_name = "cache_manager",
                entry = entry.id,
                spiffe_id = %entry.spiffe_id,
                "Entry removed"
            );
            snapshot.remove(&entry.id);
            self.selectors.push(selectors_of(&entry));
        }
    }

    fn entry(&mut self, snapshot: &mut Snapshot, entry: Arc<Entry>) {
        let known = snapshot
            .records
            .get(&entry.id)
            .map(|record| Arc::clone(&record.entry));
        let bundle_changed = entry
            .federates_with
            .iter()
            .any(|domain| self.changed_bundles.contains(domain));
        if let Some(known) = &known {
            let looks_alike = known.selectors == entry.selectors
                && known.federates_with == entry.federates_with
                && known.hint == entry.hint;
            if bundle_changed || !looks_alike {
                self.selectors.push(selectors_of(known));
                self.selectors.push(selectors_of(&entry));
            }
            if known == &entry {
                if bundle_changed {
                    log_entry(Some(known), &entry);
                }
                return;
            }
            self.outdated += usize::from(known.is_stale(entry.revision, entry.created_at));
        }
        // What else changed shows in the SVID only, and a new entry has none: that is told with
        // the next SVID.
        log_entry(known.as_deref(), &entry);
        snapshot.put(entry);
    }
}

fn log_bundle(domain: &TrustDomain, message: &'static str) {
    tracing::debug!(subsystem_name = "cache_manager", trust_domain_id = %domain, "{message}");
}

/// Says what changed of an entry, or of a bundle that comes with it.
fn log_entry(known: Option<&Entry>, entry: &Entry) {
    fn more<T: PartialEq>(than: &[T], these: &[T]) -> Option<usize> {
        Some(these.iter().filter(|item| !than.contains(item)).count()).filter(|count| *count > 0)
    }
    let (selectors, domains) = known
        .map(|known| (known.selectors.as_slice(), known.federates_with.as_slice()))
        .unwrap_or_default();
    let message = if known.is_some() {
        "Entry updated"
    } else {
        "Entry created"
    };
    tracing::debug!(
        subsystem_name = "cache_manager",
        entry = entry.id,
        spiffe_id = %entry.spiffe_id,
        selectors_added = more(selectors, &entry.selectors),
        selectors_removed = more(&entry.selectors, selectors),
        federated_added = more(domains, &entry.federates_with),
        federated_removed = more(&entry.federates_with, domains),
        "{message}"
    );
}
