//! Publishing the own bundle to the places outside that the bundle publishers stand for.
//!
//! One task for all of them. Each place has a step that can be repeated at any time: it publishes
//! the bundle unless this is what lies there already. The step runs at the start, after each
//! change of the bundle, and every half minute; after a failure it runs again sooner. A place that
//! is slow or away keeps no other one waiting.

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use steeple_plugin_sdk::{PluginError, bundlepublisher::BundlePublisher};
use steeple_spiffe::Bundle;
use tokio::{sync::watch, time};
use tokio_util::sync::CancellationToken;

use crate::Registry;

/// How often the step runs when nothing happens.
const EVERY: Duration = Duration::from_secs(30);
/// The wait after a first failure; it doubles with each further one, up to [`EVERY`].
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// A call that takes longer has failed.
const LONGEST_CALL: Duration = Duration::from_secs(60);

/// The own bundle on its way to every place that is to hold it.
pub struct Publishing {
    bundle: watch::Receiver<Option<Arc<Bundle>>>,
    places: Vec<Place>,
}

impl Publishing {
    /// Publishing of this registry's own bundle, to no place yet.
    pub fn new(registry: &Registry) -> Self {
        Self {
            bundle: registry.bundles().subscribe(),
            places: Vec::new(),
        }
    }

    /// Publishes there, too; `name` is what the log calls it.
    #[must_use]
    pub fn to(mut self, name: &str, publisher: Arc<dyn BundlePublisher>) -> Self {
        self.places.push(Place {
            name: name.to_owned(),
            publisher,
            bundle: self.bundle.clone(),
            settled: None,
            failures: 0,
        });
        self
    }

    /// Publishes until `cancel`.
    pub async fn run(self, cancel: CancellationToken) {
        let places = self.places.into_iter().map(Place::run);
        tokio::select! {
            biased;
            () = cancel.cancelled() => {}
            _ = join_all(places) => {}
        }
    }
}

struct Place {
    name: String,
    publisher: Arc<dyn BundlePublisher>,
    bundle: watch::Receiver<Option<Arc<Bundle>>>,
    /// The bundle that is published there, or that cannot be and was complained about.
    settled: Option<Arc<Bundle>>,
    /// How many there were in a row.
    failures: u32,
}

impl Place {
    /// Runs until the registry is gone.
    async fn run(mut self) {
        loop {
            self.step().await;
            let wait = self.wait();
            tokio::select! {
                changed = self.bundle.changed() => if changed.is_err() {
                    return;
                },
                () = time::sleep(wait) => {}
            }
        }
    }

    async fn step(&mut self) {
        let Some(bundle) = self.bundle.borrow_and_update().clone() else {
            return; // there is no authority yet
        };
        if self.settled.as_ref() == Some(&bundle) {
            return;
        }
        let call = time::timeout(LONGEST_CALL, self.publisher.publish(&bundle));
        let result = call.await.unwrap_or_else(|_| {
            let limit = LONGEST_CALL.as_secs();
            let text = format!("no answer within {limit} seconds");
            Err(PluginError::Unavailable(text))
        });
        if let Err(error) = &result {
            tracing::error!(
                BundlePublisher = self.name,
                %error,
                subsystem_name = "bundle_publishing",
                "Failed to publish bundle"
            );
        }
        if let Ok(()) | Err(PluginError::InvalidArgument(_)) = result {
            self.settled = Some(bundle);
            self.failures = 0;
        } else {
            self.failures = self.failures.saturating_add(1);
        }
    }

    fn wait(&self) -> Duration {
        match self.failures {
            0 => EVERY,
            n => FIRST_RETRY
                .saturating_mul(2u32.saturating_pow(n - 1))
                .min(EVERY),
        }
    }
}

#[cfg(test)]
mod tests;
