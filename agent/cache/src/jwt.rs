//! JWT-SVIDs: kept while they are good, fetched once for everyone who asks at the same time.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use jiff::Timestamp;
use steeple_spiffe::{Bundle, SpiffeId, jwt::parse_unverified};
use tokio::time::Instant;
use tonic::Code;

use crate::{
    Cache, Entry, Server, ServerError, backoff::Backoff, rotation::Rotation, server::RPC_TIMEOUT,
};

const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(24);
/// How long another server may need until it knows an entry that ours told us of.
const SERVER_LAG: Duration = Duration::from_secs(6);

/// Why there is no JWT-SVID.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JwtSvidError {
    /// The server did not issue one.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The server's answer makes no sense; its version may be far from the agent's.
    #[error("{0}")]
    Answer(&'static str),
}

/// A JWT-SVID and its times.
#[derive(Clone)]
pub struct JwtSvid {
    /// The token.
    pub token: String,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
    refresh_at: Timestamp,
    key_id: Option<String>,
}

impl fmt::Debug for JwtSvid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtSvid")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// Whose token, for whom.
#[derive(Clone, Eq, Hash, PartialEq)]
struct Key {
    id: SpiffeId,
    audience: Vec<String>,
}

type Outcome = Result<Arc<JwtSvid>, JwtSvidError>;
type Flight = Shared<BoxFuture<'static, Outcome>>;

/// The tokens that are kept, and the fetches under way.
pub(crate) struct JwtCache {
    max: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    kept: HashMap<Key, Kept>,
    flights: HashMap<Key, Flight>,
    uses: u64,
}

struct Kept {
    svid: Arc<JwtSvid>,
    used: u64,
}

impl JwtCache {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            max,
            state: Mutex::default(),
        }
    }

    /// Drops the tokens that were signed with a key that is to be given up.
    pub(crate) fn drop_tainted(&self, bundle: &Bundle) {
        let tainted: Vec<_> = bundle
            .jwt_authorities
            .iter()
            .filter(|key| key.tainted)
            .collect();
        if tainted.is_empty() {
            return;
        }
        self.lock().kept.retain(|_, kept| {
            !tainted
                .iter()
                .any(|key| kept.svid.key_id.as_ref() == Some(&key.key_id))
        });
    }

    fn get(&self, key: &Key) -> Option<Arc<JwtSvid>> {
        let mut state = self.lock();
        state.uses += 1;
        let now = state.uses;
        let kept = state.kept.get_mut(key)?;
        kept.used = now;
        Some(Arc::clone(&kept.svid))
    }

    fn put(&self, key: Key, svid: Arc<JwtSvid>) {
        let mut state = self.lock();
        state.uses += 1;
        let used = state.uses;
        state.kept.insert(key, Kept { svid, used });
        while state.kept.len() > self.max {
            let oldest = state.kept.iter().min_by_key(|(_, kept)| kept.used);
            let Some(key) = oldest.map(|(key, _)| key.clone()) else {
                break;
            };
            state.kept.remove(&key);
        }
    }

    /// The fetch for `key` that is under way, or else the one that `start` makes.
    fn join(&self, key: &Key, start: impl FnOnce() -> BoxFuture<'static, Outcome>) -> Flight {
        let mut state = self.lock();
        state
            .flights
            .entry(key.clone())
            .or_insert_with(|| start().shared())
            .clone()
    }

    /// Forgets a fetch that has ended.
    fn landed(&self, key: &Key, flight: &Flight) {
        let mut state = self.lock();
        if state
            .flights
            .get(key)
            .is_some_and(|current| current.ptr_eq(flight))
        {
            state.flights.remove(key);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cache {
    /// How many JWT-SVIDs are kept.
    pub fn jwt_svids(&self) -> usize {
        self.jwt().lock().kept.len()
    }

    /// A JWT-SVID for `entry` and `audience`: the kept one while it is fresh, else a new one, else
    /// the kept one for as long as it is valid.
    ///
    /// # Errors
    /// When the server issues none and none that is kept is valid any more.
    pub async fn jwt_svid(&self, entry: &Arc<Entry>, audience: &[String]) -> Outcome {
        if entry.jwt_include_jti {
            return fetch(
                self.server().clone(),
                Arc::clone(entry),
                audience.to_vec(),
                Patience::long(),
            )
            .await;
        }
        let mut audience = audience.to_vec();
        audience.sort();
        let key = Key {
            id: entry.spiffe_id.clone(),
            audience,
        };
        let now = self.clock().now();
        let kept = self.jwt().get(&key).filter(|svid| now < svid.expires_at);
        if let Some(svid) = kept.as_ref().filter(|svid| now < svid.refresh_at) {
            return Ok(Arc::clone(svid));
        }
        match (self.fetch_once(entry, key, kept.is_some()).await, kept) {
            (Err(error), Some(svid)) if self.clock().now() < svid.expires_at => {
                tracing::warn!(
                    subsystem_name = "manager",
                    %error,
                    spiffe_id = %entry.spiffe_id,
                    "Unable to renew JWT; returning cached copy"
                );
                Ok(svid)
            }
            (fetched, _) => fetched,
        }
    }

    /// Fetches a token, together with everyone who wants the same.
    async fn fetch_once(&self, entry: &Arc<Entry>, key: Key, spare: bool) -> Outcome {
        let patience = if spare {
            Patience::once(self.config().jwt_refresh_timeout)
        } else {
            Patience::long()
        };
        let flight = self.jwt().join(&key, || {
            fetch(
                self.server().clone(),
                Arc::clone(entry),
                key.audience.clone(),
                patience,
            )
            .boxed()
        });
        let landing = Landing {
            cache: self,
            key: &key,
            flight: &flight,
        };
        let outcome = landing.flight.clone().await;
        if let Ok(svid) = &outcome {
            self.jwt().put(key.clone(), Arc::clone(svid));
        }
        outcome
    }
}

/// Forgets a fetch when nobody who started it is left, whether it ended or was given up.
struct Landing<'a> {
    cache: &'a Cache,
    key: &'a Key,
    flight: &'a Flight,
}

impl Drop for Landing<'_> {
    fn drop(&mut self) {
        // Ended, or this was the last who waited: one count is ours, one is the map's.
        if self.flight.peek().is_some()
            || self.flight.strong_count().is_some_and(|count| count <= 2)
        {
            self.cache.jwt().landed(self.key, self.flight);
        }
    }
}

/// How long to try.
#[derive(Clone, Copy)]
struct Patience {
    total: Duration,
    retry: bool,
}

impl Patience {
    /// Until the server answers, within the time a call may take.
    fn long() -> Self {
        Self {
            total: RPC_TIMEOUT,
            retry: true,
        }
    }

    /// One try, since there is a token to fall back on.
    fn once(total: Duration) -> Self {
        Self {
            total,
            retry: false,
        }
    }
}

async fn fetch(
    server: Server,
    entry: Arc<Entry>,
    audience: Vec<String>,
    patience: Patience,
) -> Outcome {
    let start = Instant::now();
    let mut backoff = Backoff::new(FIRST_WAIT, LONGEST_WAIT);
    loop {
        let left = patience.total.saturating_sub(start.elapsed());
        let error = match server.jwt_svid(&entry.id, &audience, left).await {
            Ok(svid) => {
                return svid
                    .ok_or(JwtSvidError::Answer("JWTSVID response missing SVID"))
                    .and_then(read);
            }
            Err(error) => error,
        };
        let wait = backoff.next_wait();
        let lagging = error.status.code() == Code::NotFound && start.elapsed() + wait < SERVER_LAG;
        let again = patience.retry
            && (error.is_transient() || lagging)
            && start.elapsed() + wait < patience.total;
        if !again {
            tracing::error!(
                subsystem_name = "manager",
                %error,
                status_code = ?error.status.code(),
                status_message = error.status.message(),
                "Failed to fetch JWT SVID"
            );
            return Err(error.into());
        }
        tracing::debug!(subsystem_name = "manager", %error, "Failed to fetch JWT SVID; retrying");
        tokio::time::sleep(wait).await;
    }
}

/// Checks what the server sent.
fn read(svid: steeple_proto::types::Jwtsvid) -> Outcome {
    let time = |seconds, missing| {
        let time = Timestamp::from_second(seconds)
            .ok()
            .filter(|_| seconds != 0);
        time.ok_or(JwtSvidError::Answer(missing))
    };
    let issued_at = time(svid.issued_at, "JWTSVID missing issued at")?;
    let expires_at = time(svid.expires_at, "JWTSVID missing expires at")?;
    if issued_at > expires_at {
        return Err(JwtSvidError::Answer("JWTSVID issued after it has expired"));
    }
    let key_id = parse_unverified(&svid.token)
        .ok()
        .and_then(|token| token.header.key_id);
    Ok(Arc::new(JwtSvid {
        token: svid.token,
        issued_at,
        expires_at,
        refresh_at: Rotation::default().rotate_at(issued_at, expires_at),
        key_id,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn svid(token: &str) -> Arc<JwtSvid> {
        let proto = steeple_proto::types::Jwtsvid {
            token: token.to_owned(),
            issued_at: 100,
            expires_at: 400,
            ..Default::default()
        };
        read(proto).unwrap()
    }

    fn key(audience: &str) -> Key {
        Key {
            id: SpiffeId::parse("spiffe://example.org/a").unwrap(),
            audience: vec![audience.to_owned()],
        }
    }

    #[test]
    fn keeps_no_more_than_it_may_and_drops_the_longest_unused() {
        let cache = JwtCache::new(2);
        cache.put(key("1"), svid("1"));
        cache.put(key("2"), svid("2"));
        assert!(cache.get(&key("1")).is_some());
        cache.put(key("3"), svid("3"));
        assert!(cache.get(&key("1")).is_some());
        assert!(cache.get(&key("2")).is_none());
        assert!(cache.get(&key("3")).is_some());
    }

    #[test]
    fn a_token_is_due_at_half_its_life() {
        let due = svid("x").refresh_at.as_second();
        assert!((235..=265).contains(&due), "{due}");
    }

    #[test]
    fn answers_without_times_are_refused() {
        let proto = steeple_proto::types::Jwtsvid {
            issued_at: 1,
            ..Default::default()
        };
        assert!(matches!(
            read(proto),
            Err(JwtSvidError::Answer("JWTSVID missing expires at"))
        ));
        let proto = steeple_proto::types::Jwtsvid {
            issued_at: 2,
            expires_at: 1,
            ..Default::default()
        };
        assert!(matches!(
            read(proto),
            Err(JwtSvidError::Answer("JWTSVID issued after it has expired"))
        ));
    }
}
