//! Keeps a certificate for every name: from the cache, or from the service, before the old one ends.

use std::{collections::BTreeMap, convert::Infallible, sync::Arc, time::Duration};

use instant_acme::Account;
use steeple_lifecycle::Clock;
use steeple_telemetry::chain;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{AcmeError, Resolver, account, cache::Cache, certificate::Issued, order};
use crate::config::AcmeConfig;

/// How often the ends of validity are looked at.
const LOOK: Duration = Duration::from_secs(60 * 60);
/// The wait after a first failure; it doubles with each further one, up to [`LOOK`]. Services
/// count failures, so it is not short.
const FIRST_WAIT: Duration = Duration::from_secs(60);

/// The task.
pub(crate) struct Renewal {
    config: AcmeConfig,
    cache: Cache,
    clock: Clock,
    resolver: Arc<Resolver>,
    account: Option<Account>,
    names: BTreeMap<String, Name>,
}

/// What there is for one name.
#[derive(Debug, Default)]
struct Name {
    issued: Option<Issued>,
    failures: u32,
    not_before: Option<Instant>,
}

impl Renewal {
    pub(super) fn new(
        config: AcmeConfig,
        names: Vec<String>,
        resolver: Arc<Resolver>,
        clock: Clock,
    ) -> Self {
        Self {
            cache: Cache::new(config.cache_dir.clone()),
            config,
            clock,
            resolver,
            account: None,
            names: names.into_iter().map(|n| (n, Name::default())).collect(),
        }
    }

    /// Keeps the certificates fresh until `stopping`.
    pub(crate) async fn run(mut self, stopping: CancellationToken) -> Result<(), Infallible> {
        let renewing = async {
            self.load();
            loop {
                self.step().await;
                tokio::time::sleep(self.rest()).await;
            }
        };
        stopping.run_until_cancelled(renewing).await;
        Ok(())
    }

    /// Takes what an earlier run has kept.
    fn load(&mut self) {
        for (domain, name) in &mut self.names {
            let kept = self.cache.certificate(domain);
            let kept = kept.and_then(|pem| pem.map(|pem| Issued::from_pem(&pem)).transpose());
            match kept {
                Ok(Some(issued)) if self.clock.now() < issued.not_after => {
                    self.resolver.serve(domain, Arc::clone(&issued.key));
                    name.issued = Some(issued);
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(domain, %error, "Could not use the kept certificate");
                }
            }
        }
    }

    /// Gets what is missing or ends soon.
    async fn step(&mut self) {
        let due: Vec<String> = self
            .names
            .iter()
            .filter(|(_, name)| self.is_due(name))
            .map(|(domain, _)| domain.clone())
            .collect();
        for domain in due {
            let obtained = self.obtain(&domain).await;
            let name = self.names.entry(domain.clone()).or_default();
            match obtained {
                Ok(issued) => {
                    tracing::info!(domain, not_after = %issued.not_after, "ACME certificate obtained");
                    self.resolver.serve(&domain, Arc::clone(&issued.key));
                    *name = Name {
                        issued: Some(issued),
                        ..Name::default()
                    };
                }
                Err(error) => {
                    let wait = name.fail();
                    let error = chain(&error);
                    let again = crate::sources::interval(wait);
                    tracing::error!(domain, %error, again_in = again, "Failed to obtain an ACME certificate");
                }
            }
        }
    }

    fn is_due(&self, name: &Name) -> bool {
        let waited = name.not_before.is_none_or(|then| then <= Instant::now());
        let ends = |issued: &Issued| issued.renew_at <= self.clock.now();
        waited && name.issued.as_ref().is_none_or(ends)
    }

    async fn obtain(&mut self, domain: &str) -> Result<Issued, AcmeError> {
        let account = match &self.account {
            Some(account) => account.clone(),
            None => account::open(&self.config, &self.cache).await?,
        };
        self.account = Some(account.clone());
        let pem = order::obtain(&account, domain, &self.resolver).await?;
        let issued = Issued::from_pem(pem.as_bytes())?;
        if let Err(error) = self.cache.keep_certificate(domain, pem.as_bytes()) {
            tracing::error!(domain, %error, "Failed to keep the ACME certificate; it is served all the same");
        }
        Ok(issued)
    }

    /// How long nothing is due.
    fn rest(&self) -> Duration {
        let waits = self.names.values().filter_map(|name| name.not_before);
        let soonest = waits.map(|then| then.duration_since(Instant::now())).min();
        soonest.unwrap_or(LOOK).clamp(Duration::from_secs(1), LOOK)
    }
}

impl Name {
    /// Counts a failure and says how long to wait.
    fn fail(&mut self) -> Duration {
        let wait = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(self.failures));
        let wait = wait.min(LOOK);
        self.failures = self.failures.saturating_add(1);
        self.not_before = Some(Instant::now() + wait);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn failures_are_waited_out_longer_and_longer() {
        let mut name = Name::default();
        let waits: Vec<u64> = (0..8).map(|_| name.fail().as_secs()).collect();
        assert_eq!(waits, [60, 120, 240, 480, 960, 1920, 3600, 3600]);
    }
}
