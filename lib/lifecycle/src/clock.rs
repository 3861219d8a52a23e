//! The clock is a parameter: no library code reads the wall clock itself.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// A source of the current time that is shared by everything in one process.
///
/// Waiting is always done with `tokio::time`; only *what time it is* comes from here, so that a
/// test can run whole certificate lifetimes under tokio's paused clock.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Paused {
        epoch: Timestamp,
        start: Arc<Instant>,
    },
}

impl Clock {
    /// The machine's wall clock.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands at `epoch` now and moves with `tokio::time`, hence with
    /// `tokio::time::advance` in a paused test.
    pub fn following_tokio(epoch: Timestamp) -> Self {
        Self(Source::Paused {
            epoch,
            start: Arc::new(Instant::now()),
        })
    }

    /// The current time.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            #[expect(
                clippy::disallowed_methods,
                reason = "the one place that reads the wall clock"
            )]
            Source::System => Timestamp::now(),
            Source::Paused { epoch, start } => *epoch + start.elapsed(),
        }
    }

    /// How long it is until `then`; zero when it has passed.
    pub fn until(&self, then: Timestamp) -> Duration {
        let left: SignedDuration = then.duration_since(self.now());
        Duration::try_from(left).unwrap_or(Duration::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn follows_tokio_time() {
        let clock = Clock::following_tokio(Timestamp::UNIX_EPOCH);
        tokio::time::advance(Duration::from_secs(90)).await;
        assert_eq!(clock.now().as_second(), 90);
        let then = Timestamp::from_second(100).unwrap();
        assert_eq!(clock.until(then), Duration::from_secs(10));
        assert_eq!(clock.until(Timestamp::UNIX_EPOCH), Duration::ZERO);
    }
}
