//! Clearing away what has ended. Each step is idempotent and takes no input but the clock.

use std::time::Duration;

use jiff::Timestamp;
use steeple_store::StoreError;
use tokio_util::sync::CancellationToken;

use crate::Registry;

/// How often ended entries are deleted.
const ENTRIES_EVERY: Duration = Duration::from_secs(5 * 60);
/// How often the records of changes and the join tokens are cleared, counted in entry steps.
const REST_EVERY: u32 = 12;
/// Records of changes are kept this long, for other servers at the same database.
const EVENTS_KEPT: Duration = Duration::from_secs(12 * 60 * 60);
/// Join tokens are kept this long after their end, so that their use is still answered with
/// "expired" rather than with "unknown".
const TOKENS_KEPT: Duration = Duration::from_secs(24 * 60 * 60);

impl Registry {
    /// Clears away what has ended, every five minutes, until `cancel`.
    pub async fn run(&self, cancel: CancellationToken) {
        let mut ticks = tokio::time::interval(ENTRIES_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut step = 0u32;
        loop {
            tokio::select! {
                biased;
                () = cancel.cancelled() => return,
                _ = ticks.tick() => {}
            }
            self.report("registration entries", self.prune_entries().await);
            if step.is_multiple_of(REST_EVERY) {
                self.report("join tokens", self.prune_tokens().await);
                self.report("change events", self.prune_events().await);
            }
            step = step.wrapping_add(1);
        }
    }

    fn report(&self, what: &str, result: Result<u64, StoreError>) {
        if let Err(error) = result {
            tracing::error!(%error, what, "Failed to prune; will try again at the next step");
        }
    }

    /// Deletes the entries that have ended; answers how many they were.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn prune_entries(&self) -> Result<u64, StoreError> {
        let pruned = self.store.prune_entries(self.clock.now()).await?;
        for entry in &pruned {
            tracing::info!(
                spiffe_id = %entry.spiffe_id,
                parent_id = %entry.parent_id,
                entry_id = %entry.id,
                "Pruned an expired registration"
            );
        }
        Ok(pruned.len() as u64)
    }

    /// Deletes the join tokens that ended more than a day ago. SPIRE keeps them for ever.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn prune_tokens(&self) -> Result<u64, StoreError> {
        self.store.prune_join_tokens(self.before(TOKENS_KEPT)).await
    }

    /// Deletes old records of changes.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn prune_events(&self) -> Result<u64, StoreError> {
        self.store.prune_events(self.before(EVENTS_KEPT)).await
    }

    fn before(&self, age: Duration) -> Timestamp {
        self.clock.now().checked_sub(age).unwrap_or(Timestamp::MIN)
    }
}
