//! Readiness: a program is ready when each of its parts has said so.

use std::collections::BTreeSet;

use tokio::sync::watch;

/// The parts that are not ready yet. Clones watch the same parts.
#[derive(Clone, Debug)]
pub struct Readiness(watch::Sender<BTreeSet<&'static str>>);

/// One part's duty to say that it is ready. Dropped unsaid, the program never becomes ready:
/// a part that died on its way is not ready.
#[derive(Debug)]
#[must_use = "the program becomes ready only when this is told `ready`"]
pub struct ReadyToken {
    part: &'static str,
    readiness: Readiness,
}

impl Default for Readiness {
    fn default() -> Self {
        Self::new()
    }
}

impl Readiness {
    /// No parts: ready.
    pub fn new() -> Self {
        Self(watch::Sender::new(BTreeSet::new()))
    }

    /// Adds a part that must say it is ready. Add all parts before any is started.
    pub fn part(&self, part: &'static str) -> ReadyToken {
        self.0.send_modify(|parts| {
            parts.insert(part);
        });
        ReadyToken {
            part,
            readiness: self.clone(),
        }
    }

    /// The parts that are not ready yet.
    pub fn pending(&self) -> Vec<&'static str> {
        self.0.borrow().iter().copied().collect()
    }

    /// Whether every part is ready.
    pub fn is_ready(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// Waits until every part is ready.
    pub async fn ready(&self) {
        // The sender is held by self, so waiting cannot fail.
        drop(self.0.subscribe().wait_for(BTreeSet::is_empty).await);
    }
}

impl ReadyToken {
    /// Says that the part is ready.
    pub fn ready(self) {
        let part = self.part;
        self.readiness.0.send_modify(|parts| {
            parts.remove(part);
        });
        tracing::debug!(part, pending = self.readiness.pending().join(","), "Ready");
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn ready_when_every_part_is() {
        let readiness = Readiness::new();
        assert!(readiness.is_ready());
        let (api, cache) = (readiness.part("api"), readiness.part("cache"));
        api.ready();
        assert_eq!(readiness.pending(), ["cache"]);
        assert!(readiness.ready().now_or_never().is_none());
        cache.ready();
        readiness.ready().await;
    }

    #[test]
    fn a_part_that_died_is_not_ready() {
        let readiness = Readiness::new();
        drop(readiness.part("api"));
        assert!(!readiness.is_ready());
    }
}
