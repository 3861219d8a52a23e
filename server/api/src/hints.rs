//! `steeple.hints.v1.Hints`: tells an agent at once that its entries or the bundle have changed.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::{Stream, stream};
use steeple_proto::hints::{
    Hint, WatchRequest,
    hints_server::{Hints, HintsServer},
};
use steeple_registry::Registry;
use steeple_spiffe::{Bundle, SpiffeId};
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::{ApiConfig, call::Call};

/// How long a stream lives, so that it ends before its connection is due to.
const LIFETIME: Duration = Duration::from_secs(150);
/// How many agents may answer a hint within a millisecond, when all are told something.
const AGENTS_A_MILLISECOND: usize = 20;
/// The longest time over which agents are spread.
const LONGEST_SPREAD: Duration = Duration::from_secs(2);

/// The service.
pub(crate) fn service(config: &Arc<ApiConfig>) -> HintsServer<HintService> {
    HintsServer::new(HintService::new(Arc::clone(&config.registry)))
}

pub(crate) struct HintService {
    registry: Arc<Registry>,
    /// Tells this run of the server from others.
    instance: u64,
    watching: Arc<AtomicUsize>,
}

impl HintService {
    pub(crate) fn new(registry: Arc<Registry>) -> Self {
        Self {
            registry,
            instance: Uuid::new_v4().as_u64_pair().0,
            watching: Arc::default(),
        }
    }
}

#[tonic::async_trait]
impl Hints for HintService {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<Hint, Status>> + Send + 'static>>;

    async fn watch(
        &self,
        request: Request<WatchRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let agent = Call::of(&request)?.id()?.clone();
        let watcher = Watcher {
            changes: self.registry.revision_watch(),
            bundles: self.registry.bundles().subscribe(),
            registry: Arc::clone(&self.registry),
            instance: self.instance,
            agent,
            seen: request.into_inner().seen.unwrap_or_default(),
            until: Instant::now() + LIFETIME,
            _counted: Counted::new(&self.watching),
            watching: Arc::clone(&self.watching),
        };
        let hints = stream::unfold(watcher, |mut watcher| async move {
            let hint = watcher.next().await?;
            Some((Ok(hint), watcher))
        });
        Ok(Response::new(Box::pin(hints)))
    }
}

/// One agent's stream.
struct Watcher {
    registry: Arc<Registry>,
    instance: u64,
    agent: SpiffeId,
    seen: Hint,
    changes: watch::Receiver<u64>,
    bundles: watch::Receiver<Option<Arc<Bundle>>>,
    until: Instant,
    watching: Arc<AtomicUsize>,
    _counted: Counted,
}

impl Watcher {
    /// The next hint; none when the stream has lived long enough.
    async fn next(&mut self) -> Option<Hint> {
        loop {
            let current = self.current();
            let seen = Hint {
                spread_ms: 0,
                ..self.seen
            };
            if current != seen {
                self.seen = current;
                return Some(Hint {
                    spread_ms: self.spread(seen, current),
                    ..current
                });
            }
            timeout_at(self.until, self.changed()).await.ok()?;
        }
    }

    async fn changed(&mut self) {
        // Both senders live as long as the registry, which this holds.
        tokio::select! {
            _ = self.changes.changed() => {}
            _ = self.bundles.changed() => {}
        }
    }

    fn current(&mut self) -> Hint {
        // Marked as seen before they are read, so that no change falls in between.
        self.changes.mark_unchanged();
        let bundle = self
            .bundles
            .borrow_and_update()
            .as_ref()
            .map(|b| b.sequence_number);
        Hint {
            instance: self.instance,
            entries: self.registry.authorized_entries(&self.agent).revision,
            bundle: bundle.unwrap_or_default(),
            spread_ms: 0,
        }
    }

    /// A change of the bundle is told to every agent. Few share a change of entries, as a rule.
    fn spread(&self, seen: Hint, current: Hint) -> u32 {
        if seen.instance == current.instance && seen.bundle == current.bundle {
            return 0;
        }
        let agents = self.watching.load(Ordering::Relaxed);
        let spread = Duration::from_millis((agents / AGENTS_A_MILLISECOND) as u64);
        spread.min(LONGEST_SPREAD).as_millis() as u32
    }
}

/// One more in a count, for as long as it lives.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
