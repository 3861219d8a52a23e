//! The wait before something is tried again.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);

/// Doubles with each failure in a row, up to a minute.
#[derive(Debug)]
pub(super) struct Retry {
    wait: Duration,
    at: Option<Instant>,
}

impl Retry {
    /// Nothing to try again.
    pub(super) fn new() -> Self {
        Self {
            wait: FIRST,
            at: None,
        }
    }

    /// It failed; try again if that `may_pass`.
    pub(super) fn failed(&mut self, may_pass: bool) {
        self.at = may_pass.then(|| Instant::now() + self.wait);
        self.wait = (self.wait * 2).min(LONGEST);
    }

    /// It worked; look again after `pause`, if there is one.
    pub(super) fn worked(&mut self, pause: Option<Duration>) {
        self.wait = FIRST;
        self.at = pause.map(|pause| Instant::now() + pause);
    }

    /// When it is time; never, if there is nothing to try.
    pub(super) async fn due(&self) {
        match self.at {
            Some(at) => sleep_until(at).await,
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn doubles_up_to_a_minute_and_starts_again() {
        let mut retry = Retry::new();
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            let before = Instant::now();
            retry.failed(true);
            retry.due().await;
            assert_eq!(before.elapsed().as_secs(), seconds);
        }
        let before = Instant::now();
        retry.worked(Some(Duration::from_secs(5)));
        retry.due().await;
        assert_eq!(before.elapsed().as_secs(), 5);
        retry.failed(true);
        retry.due().await;
        assert_eq!(before.elapsed().as_secs(), 6);
        retry.failed(false);
        let due = tokio::time::timeout(Duration::from_secs(3600), retry.due());
        assert!(due.await.is_err(), "nothing to try again");
    }
}
