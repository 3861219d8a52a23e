//! When an SVID is to be replaced.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::backoff::fraction;

/// With less than this between lifetime and availability target there is no room to renew in.
const GRACE: Duration = Duration::from_secs(12 * 60 * 60);
/// The longest that a renewal by availability target comes early.
const TARGET_JITTER: Duration = Duration::from_secs(10 * 60);

/// How early X.509-SVIDs are replaced.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rotation {
    /// How long an SVID must stay usable when the server is away; none means half its lifetime.
    pub availability_target: Option<Duration>,
}

impl Rotation {
    /// When to replace what is valid from `not_before` to `not_after`: when half of that is left,
    /// a tenth sooner or later; or when the availability target would no longer be met. The
    /// spread is drawn once, so ask once for each SVID.
    pub fn rotate_at(&self, not_before: Timestamp, not_after: Timestamp) -> Timestamp {
        let lifetime = span(not_before, not_after);
        let left = match self.availability_target {
            Some(target) if !self.falls_back(lifetime) => {
                target + TARGET_JITTER.mul_f64(fraction())
            }
            _ => (lifetime / 2).mul_f64(0.9 + 0.2 * fraction()),
        };
        not_after - left
    }

    /// Whether the lifetime is too short for the availability target, so that half of it decides.
    pub fn falls_back(&self, lifetime: Duration) -> bool {
        self.availability_target
            .is_some_and(|target| lifetime.saturating_sub(target) <= GRACE)
    }
}

/// From one moment to a later one; zero when it is not later.
pub fn span(from: Timestamp, to: Timestamp) -> Duration {
    let span: SignedDuration = to.duration_since(from);
    Duration::try_from(span).unwrap_or(Duration::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn left(rotation: Rotation, lifetime: Duration) -> Duration {
        let start = Timestamp::UNIX_EPOCH;
        let end = start + lifetime;
        span(rotation.rotate_at(start, end), end)
    }

    #[test]
    fn half_the_lifetime_a_tenth_sooner_or_later() {
        for _ in 0..100 {
            let left = left(Rotation::default(), HOUR).as_secs_f64();
            assert!((1620.0..=1980.0).contains(&left), "{left}");
        }
    }

    #[test]
    fn a_target_decides_unless_the_lifetime_is_too_short_for_it() {
        let rotation = Rotation {
            availability_target: Some(24 * HOUR),
        };
        for _ in 0..100 {
            let left = left(rotation, 48 * HOUR);
            assert!(
                (24 * HOUR..=24 * HOUR + TARGET_JITTER).contains(&left),
                "{left:?}"
            );
        }
        assert!(!rotation.falls_back(48 * HOUR));
        assert!(rotation.falls_back(36 * HOUR));
        let left = left(rotation, 36 * HOUR);
        assert!((16 * HOUR..20 * HOUR).contains(&left), "{left:?}");
    }

    #[test]
    fn what_never_was_valid_is_due_at_once() {
        let end = Timestamp::UNIX_EPOCH;
        assert_eq!(Rotation::default().rotate_at(end + HOUR, end), end);
    }
}
