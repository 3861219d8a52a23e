//! Waiting longer after each failure.

use std::time::Duration;

use aws_lc_rs::rand;

const MULTIPLIER: f64 = 1.5;
const JITTER: f64 = 0.10;

/// Waits that grow by half each time, spread by 10 % to either side, up to a limit.
#[derive(Clone, Debug)]
pub struct Backoff {
    initial: Duration,
    max: Duration,
    next: Duration,
}

impl Backoff {
    /// The first wait is `initial`, none is longer than `max` (before the spread).
    pub fn new(initial: Duration, max: Duration) -> Self {
        Self {
            initial,
            max,
            next: initial.min(max),
        }
    }

    /// The next wait.
    pub fn next_wait(&mut self) -> Duration {
        let wait = self.next;
        self.next = self.next.mul_f64(MULTIPLIER).min(self.max);
        wait.mul_f64(1.0 - JITTER + 2.0 * JITTER * fraction())
    }

    /// All is well again: the next wait is the first.
    pub fn reset(&mut self) {
        self.next = self.initial.min(self.max);
    }
}

/// A random number from 0 to 1. Without randomness it is the middle, since this only spreads load.
pub(crate) fn fraction() -> f64 {
    let mut bytes = [0; 4];
    match rand::fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_be_bytes(bytes)) / f64::from(u32::MAX),
        Err(_) => 0.5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_by_half_within_a_tenth_up_to_the_limit_and_starts_over() {
        let mut backoff = Backoff::new(Duration::from_secs(10), Duration::from_secs(30));
        for middle in [10.0, 15.0, 22.5, 30.0, 30.0] {
            let wait = backoff.next_wait().as_secs_f64();
            assert!(
                (middle * 0.9 - 0.001..=middle * 1.1 + 0.001).contains(&wait),
                "{wait} {middle}"
            );
        }
        backoff.reset();
        assert!(backoff.next_wait() <= Duration::from_secs(11));
    }
}
