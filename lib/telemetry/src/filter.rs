//! Which lines are shown: ours from the chosen level on, and only the grave ones of libraries.

use std::sync::atomic::{AtomicU8, Ordering};

use tracing::{Metadata, level_filters::LevelFilter};

use crate::Level;

/// Target prefixes of our own crates and programs.
const OWN: [&str; 5] = [
    "steeple",
    "spire_",
    "spiffe_helper",
    "oidc_discovery_provider",
    "aws_signing_helper",
];

/// The level in force, which can change while the process runs.
#[derive(Debug)]
pub(crate) struct Filter(AtomicU8);

impl Filter {
    pub(crate) fn new(level: Level) -> Self {
        Self(AtomicU8::new(level as u8))
    }

    pub(crate) fn level(&self) -> Level {
        let number = usize::from(self.0.load(Ordering::Relaxed));
        Level::ALL.get(number).copied().unwrap_or_default()
    }

    pub(crate) fn set(&self, level: Level) {
        self.0.store(level as u8, Ordering::Relaxed);
    }

    /// Whether a line or span described by `metadata` is to be shown.
    pub(crate) fn shows(&self, metadata: &Metadata<'_>) -> bool {
        let chosen = self.level().filter();
        let limit = if is_own(metadata.target()) {
            chosen
        } else {
            chosen.min(LevelFilter::WARN)
        };
        *metadata.level() <= limit
    }
}

fn is_own(target: &str) -> bool {
    OWN.iter().any(|own| target.starts_with(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_survives_the_number() {
        let filter = Filter::new(Level::Panic);
        for level in Level::ALL {
            filter.set(level);
            assert_eq!(filter.level(), level);
        }
    }

    #[test]
    fn own_targets_are_known() {
        assert!(is_own("steeple_registry::index"));
        assert!(is_own("spire_server"));
        assert!(!is_own("h2::client"));
        assert!(!is_own("hyper_util"));
    }
}
