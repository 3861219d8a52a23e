//! The wait between two tries.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);

/// Grows by a second with each failure in a row, up to half a minute: an agent that starts is
/// found soon, and one that stays away is not bothered.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Backoff(u32);

impl Backoff {
    /// The wait after another failure.
    pub(crate) fn next(&mut self) -> Duration {
        self.0 = self.0.saturating_add(1);
        FIRST.saturating_mul(self.0).min(LONGEST)
    }

    /// Something came: start small again.
    pub(crate) fn reset(&mut self) {
        self.0 = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_is_bounded_and_starts_again() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.next().as_secs(), 1);
        assert_eq!(backoff.next().as_secs(), 2);
        for _ in 0..100 {
            backoff.next();
        }
        assert_eq!(backoff.next(), LONGEST);
        backoff.reset();
        assert_eq!(backoff.next(), FIRST);
    }
}
