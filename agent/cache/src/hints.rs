//! Hints of the server that something has changed: the next sync then comes at once.
//!
//! Nothing here changes what the agent knows. A server without hints is polled, as are changes
//! whose hint got lost.

use std::time::Duration;

use steeple_grpc::denial_reason;
use steeple_proto::hints::{Hint, WatchRequest, hints_client::HintsClient};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};

use crate::{
    Cache,
    backoff::{Backoff, fraction},
    server::RPC_TIMEOUT,
};

/// The wait after a first failure, and the longest one.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// When to ask a server again that has no hints: it may be a newer one by then.
const ASK_AGAIN: Duration = Duration::from_secs(5 * 60);
/// A stream that ends sooner is no better than a failure.
const SHORT: Duration = Duration::from_secs(10);

impl Cache {
    /// Listens for hints until `stopping`.
    pub async fn run_hints(&self, stopping: CancellationToken) {
        let mut listener = Listener {
            cache: self,
            seen: Hint::default(),
            backoff: Backoff::new(FIRST_WAIT, LONGEST_WAIT),
            failed: false,
        };
        loop {
            let wait = tokio::select! {
                () = stopping.cancelled() => return,
                wait = listener.listen() => wait,
            };
            tokio::select! {
                () = stopping.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }
}

struct Listener<'a> {
    cache: &'a Cache,
    /// The last hint that was seen to.
    seen: Hint,
    backoff: Backoff,
    /// Whether the last stream failed.
    failed: bool,
}

impl Listener<'_> {
    /// Follows one stream to its end, and says how long to wait for the next.
    async fn listen(&mut self) -> Duration {
        let began = Instant::now();
        match self.follow().await {
            Ok(()) if began.elapsed() > SHORT => Duration::ZERO,
            Ok(()) => self.backoff.next_wait(),
            Err(status) if lacks_hints(&status) => {
                tracing::debug!(
                    subsystem_name = "manager",
                    "The server gives no hints of changes; it is polled"
                );
                ASK_AGAIN
            }
            Err(status) => {
                self.failed = true;
                tracing::debug!(
                    subsystem_name = "manager",
                    error = status.message(),
                    "No hints of changes for now"
                );
                self.backoff.next_wait()
            }
        }
    }

    async fn follow(&mut self) -> Result<(), Status> {
        let mut client = HintsClient::new(self.cache.server().channel());
        let request = WatchRequest {
            seen: Some(self.seen),
        };
        let opened = tokio::time::timeout(RPC_TIMEOUT, client.watch(request)).await;
        let late = |_| Err(Status::deadline_exceeded("no answer within 30 s"));
        let mut hints = opened.unwrap_or_else(late)?.into_inner();
        self.backoff.reset();
        if std::mem::take(&mut self.failed) {
            // The server is back: whoever waits to sync after failures need not wait longer.
            self.cache.sync_soon();
        }
        while let Some(hint) = hints.message().await? {
            let spread = Duration::from_millis(hint.spread_ms.into());
            tokio::time::sleep(spread.mul_f64(fraction())).await;
            self.seen = Hint {
                spread_ms: 0,
                ..hint
            };
            self.cache.sync_soon();
        }
        Ok(())
    }
}

/// Whether the server does not know the service. SPIRE denies what it does not know, and gives an
/// agent that it denies for what it is a reason.
fn lacks_hints(status: &Status) -> bool {
    match status.code() {
        Code::Unimplemented => true,
        Code::PermissionDenied => denial_reason(status).is_none(),
        _ => false,
    }
}
