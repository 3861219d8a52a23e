//! Having X.509-SVIDs signed: those that are missing, and those that are due.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use jiff::Timestamp;
use steeple_proto::server::svid::{NewX509svidParams, batch_new_x509svid_response};
use steeple_spiffe::{
    csr::{CsrError, build_csr},
    key::{KeyError, PrivateKey},
    x509::X509Error,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::Code;

use crate::{Cache, Entry, ServerError, X509Svid, backoff::Backoff, snapshot::Snapshot};

/// How many SVIDs are asked for in one call, and what the server lets one agent sign a second.
const MAX_BATCH: usize = 500;
/// The wait after a first failure, and the longest one.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(4 * 60);
/// How often to look without any reason to.
const IDLE_WAIT: Duration = Duration::from_secs(60);

/// Why a batch could not be minted.
#[derive(Debug, thiserror::Error)]
enum MintError {
    #[error(transparent)]
    Server(#[from] ServerError),
    #[error("could not make a key: {0}")]
    Key(#[from] KeyError),
    #[error("could not make a CSR: {0}")]
    Csr(#[from] CsrError),
    #[error("making keys was interrupted")]
    Interrupted,
}

/// What is remembered from one round to the next.
pub(crate) struct Minter {
    batch: usize,
    /// Entries that the server would not sign for, and when to ask again.
    refused: HashMap<String, Refused>,
}

struct Refused {
    backoff: Backoff,
    until: Instant,
}

impl Default for Minter {
    fn default() -> Self {
        Self {
            batch: MAX_BATCH,
            refused: HashMap::new(),
        }
    }
}

/// One SVID to be made.
struct Due {
    entry: Arc<Entry>,
    /// When the present one expires, if there is one.
    expires_at: Option<Timestamp>,
}

impl Cache {
    /// Mints what is missing and due, until `stopping`.
    ///
    /// # Errors
    /// When the server denies the agent, so that trying again makes no sense.
    pub async fn run_minting(&self, stopping: CancellationToken) -> Result<(), ServerError> {
        let mut backoff = Backoff::new(FIRST_WAIT, LONGEST_WAIT);
        let mut wait = Duration::ZERO;
        loop {
            tokio::select! {
                () = stopping.cancelled() => return Ok(()),
                () = self.mint_wanted().notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
            let minted = tokio::select! {
                () = stopping.cancelled() => return Ok(()),
                minted = self.mint() => minted,
            };
            wait = match minted {
                Ok(wait) => {
                    backoff.reset();
                    wait
                }
                Err(MintError::Server(error)) if error.denial().is_some() => return Err(error),
                Err(error) => {
                    tracing::error!(subsystem_name = "manager", %error, "SVID sync failed");
                    backoff.next_wait()
                }
            };
        }
    }

    /// Mints, once, all that is missing or due; for the start, when others wait for it.
    ///
    /// # Errors
    /// When the server denies the agent. Other failures are left to [`Cache::run_minting`].
    pub async fn mint_now(&self) -> Result<(), ServerError> {
        match self.mint().await {
            Err(MintError::Server(error)) if error.denial().is_some() => Err(error),
            Err(error) => {
                tracing::error!(subsystem_name = "manager", %error, "SVID sync failed");
                Ok(())
            }
            Ok(_) => Ok(()),
        }
    }

    /// Mints all that can be, and says how long until there may be more to do.
    async fn mint(&self) -> Result<Duration, MintError> {
        let mut minter = self.minter().lock().await;
        self.evict();
        loop {
            let due = self.due(&mut minter);
            if due.is_empty() {
                return Ok(self.idle_for(&minter));
            }
            tracing::debug!(
                subsystem_name = "manager",
                cache_type = "workload",
                count = due.len(),
                limit = minter.batch,
                "Renewing stale entries"
            );
            let batch: Vec<_> = due.into_iter().take(minter.batch).collect();
            self.mint_batch(&mut minter, batch).await?;
        }
    }

    async fn mint_batch(&self, minter: &mut Minter, batch: Vec<Due>) -> Result<(), MintError> {
        batch.iter().for_each(log_due);
        let entries: Vec<_> = batch.into_iter().map(|due| due.entry).collect();
        let (keys, params) = self.prepare(&entries).await?;
        let results = match self.server().x509_svids(params).await {
            Ok(results) => results,
            Err(error) => {
                if error.status.code() == Code::ResourceExhausted {
                    minter.batch = (minter.batch / 2).max(1);
                }
                return Err(error.into());
            }
        };
        minter.batch = (minter.batch * 2).min(MAX_BATCH);
        let mut fresh = Vec::new();
        let mut results = results.into_iter();
        for (entry, key) in entries.into_iter().zip(keys) {
            match results
                .next()
                .and_then(|result| self.accept(&entry, key, result))
            {
                Some(svid) => {
                    // One that is due again already (a dying authority) must not be asked for
                    // without pause.
                    if self.is_due(&svid, &entry, &self.snapshot()) {
                        minter.refuse(entry.id.clone());
                    } else {
                        minter.refused.remove(&entry.id);
                    }
                    fresh.push((entry, svid));
                }
                None => minter.refuse(entry.id.clone()),
            }
        }
        self.put_svids(fresh);
        Ok(())
    }

    /// Keys and requests for `entries`, made off the async threads.
    async fn prepare(
        &self,
        entries: &[Arc<Entry>],
    ) -> Result<(Vec<PrivateKey>, Vec<NewX509svidParams>), MintError> {
        let (key_type, entries) = (self.config().key_type, entries.to_vec());
        let made = tokio::task::spawn_blocking(move || {
            let mut keys = Vec::with_capacity(entries.len());
            let mut params = Vec::with_capacity(entries.len());
            for entry in entries {
                let key = PrivateKey::generate(key_type)?;
                let csr = build_csr(&key, &[entry.spiffe_id.as_str().to_owned()], &[])?;
                params.push(NewX509svidParams {
                    entry_id: entry.id.clone(),
                    csr: csr.into(),
                });
                keys.push(key);
            }
            Ok((keys, params))
        });
        made.await.map_err(|_| MintError::Interrupted)?
    }

    /// Reads what the server answered for one entry.
    fn accept(
        &self,
        entry: &Arc<Entry>,
        key: PrivateKey,
        result: batch_new_x509svid_response::Result,
    ) -> Option<X509Svid> {
        let status = result.status.unwrap_or_default();
        let refusal = match result.svid {
            Some(svid) if status.code == 0 => {
                match X509Svid::new(entry, key, &svid.cert_chain, self.config().rotation) {
                    Ok(svid) => return Some(self.fit(entry, svid)),
                    Err(error) => unreadable(&error),
                }
            }
            _ => status.message,
        };
        tracing::warn!(
            subsystem_name = "manager",
            entry_id = entry.id,
            status = status.code,
            error = refusal,
            "Failed to mint X509 SVID"
        );
        None
    }

    /// Warns of an SVID that is too short-lived for the availability target.
    fn fit(&self, entry: &Entry, svid: X509Svid) -> X509Svid {
        let lifetime = crate::rotation::span(svid.not_before, svid.not_after);
        if self.config().rotation.falls_back(lifetime) {
            tracing::warn!(
                subsystem_name = "manager",
                spiffe_id = %entry.spiffe_id,
                entry_id = entry.id,
                "X509 SVID lifetime isn't long enough to guarantee the availability_target, falling back to the default rotation strategy"
            );
        }
        svid
    }

    /// Publishes SVIDs of entries that are still there.
    fn put_svids(&self, fresh: Vec<(Arc<Entry>, X509Svid)>) {
        let told = self.modify(|snapshot| {
            let mut told = Vec::new();
            for (entry, svid) in fresh {
                if !snapshot.records.contains_key(&entry.id) {
                    continue;
                }
                snapshot.svids.insert(entry.id.clone(), Arc::new(svid));
                tracing::debug!(
                    subsystem_name = "cache_manager",
                    entry = entry.id,
                    spiffe_id = %entry.spiffe_id,
                    "SVID updated"
                );
                told.push(entry.selectors.clone());
            }
            told
        });
        self.subscribers().tell(&told);
    }

    /// What is to be minted, the most urgent first: what somebody waits for or is about to lose.
    fn due(&self, minter: &mut Minter) -> Vec<Due> {
        let snapshot = self.snapshot();
        let awaited = self.awaited(&snapshot);
        let now = Instant::now();
        minter
            .refused
            .retain(|id, _| snapshot.records.contains_key(id));
        let mut room = self
            .config()
            .x509_svid_max
            .saturating_sub(snapshot.svids.len());
        let mut urgent = Vec::new();
        let mut ahead = Vec::new();
        for (id, record) in &snapshot.records {
            if minter
                .refused
                .get(id)
                .is_some_and(|refused| refused.until > now)
            {
                continue;
            }
            let entry = Arc::clone(&record.entry);
            match snapshot.svids.get(id) {
                Some(svid) if self.is_due(svid, &entry, &snapshot) => {
                    urgent.push(Due {
                        entry,
                        expires_at: Some(svid.not_after),
                    });
                }
                Some(_) => {}
                None if awaited.contains(id) => {
                    room = room.saturating_sub(1);
                    urgent.push(Due {
                        entry,
                        expires_at: None,
                    });
                }
                None if !entry.disable_prefetch => ahead.push(Due {
                    entry,
                    expires_at: None,
                }),
                None => {}
            }
        }
        urgent.sort_by_key(|due| due.expires_at);
        ahead.truncate(room);
        urgent.append(&mut ahead);
        urgent
    }

    fn is_due(&self, svid: &X509Svid, entry: &Entry, snapshot: &Snapshot) -> bool {
        svid.rotate_at() <= self.clock().now()
            || svid.is_outdated(entry)
            || svid.is_tainted(&snapshot.bundle.x509_authorities)
    }

    /// The entries that somebody is subscribed to.
    fn awaited(&self, snapshot: &Snapshot) -> HashSet<String> {
        let mut awaited = HashSet::new();
        for set in self.subscribers().sets() {
            awaited.extend(
                snapshot
                    .matching(&set)
                    .iter()
                    .map(|record| record.entry.id.clone()),
            );
        }
        awaited
    }

    /// Drops SVIDs that nobody uses, the longest unused first, down to the limit.
    fn evict(&self) {
        let snapshot = self.snapshot();
        let excess = snapshot
            .svids
            .len()
            .saturating_sub(self.config().x509_svid_max);
        if excess == 0 {
            return;
        }
        let awaited = self.awaited(&snapshot);
        let mut idle: Vec<_> = snapshot
            .records
            .iter()
            .filter(|(id, _)| snapshot.svids.contains_key(*id) && !awaited.contains(*id))
            .map(|(id, record)| (record.last_access.load(Ordering::Relaxed), id.clone()))
            .collect();
        idle.sort();
        idle.truncate(excess);
        self.modify(|snapshot| {
            for (last_access, id) in idle {
                tracing::debug!(
                    subsystem_name = "cache_manager",
                    record_id = id,
                    record_timestamp = last_access,
                    "Removing SVID record"
                );
                snapshot.svids.remove(&id);
            }
        });
    }

    /// How long nothing is due.
    fn idle_for(&self, minter: &Minter) -> Duration {
        let snapshot = self.snapshot();
        let waiting = |id: &String| minter.refused.contains_key(id);
        let next = snapshot.svids.iter().filter(|(id, _)| !waiting(id));
        let rotation = next
            .map(|(_, svid)| self.clock().until(svid.rotate_at()))
            .min();
        let now = Instant::now();
        let refused = minter
            .refused
            .values()
            .map(|refused| refused.until.saturating_duration_since(now))
            .min();
        [rotation, refused]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(IDLE_WAIT)
            .min(IDLE_WAIT)
    }
}

impl Minter {
    fn refuse(&mut self, id: String) {
        let fresh = || Refused {
            backoff: Backoff::new(FIRST_WAIT, LONGEST_WAIT),
            until: Instant::now(),
        };
        let refused = self.refused.entry(id).or_insert_with(fresh);
        refused.until = Instant::now() + refused.backoff.next_wait();
    }
}

fn unreadable(error: &X509Error) -> String {
    format!("the server's answer cannot be read: {error}")
}

fn log_due(due: &Due) {
    let (entry_id, spiffe_id) = (&due.entry.id, &due.entry.spiffe_id);
    match due.expires_at {
        None => tracing::info!(
            subsystem_name = "manager", entry_id, %spiffe_id, "Creating X509-SVID"
        ),
        Some(expires_at) => tracing::info!(
            subsystem_name = "manager", entry_id, %spiffe_id, %expires_at, "Renewing X509-SVID"
        ),
    }
}
