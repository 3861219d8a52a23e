//! Fetching once: write what there is, and end.

use std::{collections::BTreeMap, future::Future, time::Duration};

use steeple_spiffe::{Bundle, TrustDomain};
use steeple_workload::{Address, Client, WorkloadError};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::{
    config::JwtSvidFile,
    missed::explain,
    writer::{WriteFailure, Writer},
};

/// How long upstream keeps asking an agent that does not know the caller yet.
const PATIENCE: Duration = Duration::from_secs(81 * 60);
const FIRST_WAIT: Duration = Duration::from_millis(10);
/// Upstream's waits grow to an hour; an identity that was registered is found sooner here.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Why fetching once failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OneShotError {
    /// The agent did not answer, or refused.
    #[error("{}", explain(source, address))]
    Fetch {
        /// What it said.
        source: WorkloadError,
        /// Where it was asked.
        address: Address,
    },
    /// The agent went on refusing until the time was over.
    #[error(
        "no answer within {limit:?} (one_shot_timeout); last: {}",
        explain(last, address)
    )]
    TimeOut {
        /// The time.
        limit: Duration,
        /// The last refusal.
        last: WorkloadError,
        /// Where it was asked.
        address: Address,
    },
    /// A file could not be written.
    #[error(transparent)]
    Write(#[from] WriteFailure),
    /// Some of the JWT-SVIDs are missing.
    #[error("{0}")]
    JwtSvids(String),
    /// A signal came.
    #[error("stopped by a signal before everything was written")]
    Stopped,
}

/// Fetches and writes everything, unless `stopping` comes first.
pub(crate) async fn run(writer: Writer, stopping: CancellationToken) -> Result<(), OneShotError> {
    let limit = writer.config.one_shot_timeout;
    let fetch = Fetch {
        client: Client::new(&writer.config.address),
        deadline: Instant::now() + limit.unwrap_or(PATIENCE),
        limit: limit.unwrap_or(PATIENCE),
        patient: limit.is_some(),
        writer,
    };
    let done = stopping.run_until_cancelled(fetch.everything()).await;
    done.unwrap_or(Err(OneShotError::Stopped))
}

struct Fetch {
    writer: Writer,
    client: Client,
    limit: Duration,
    deadline: Instant,
    /// Whether an agent that is away is waited for, too.
    patient: bool,
}

impl Fetch {
    async fn everything(&self) -> Result<(), OneShotError> {
        let config = &self.writer.config;
        if config.x509.is_some() {
            self.x509().await.inspect_err(|error| {
                tracing::error!(%error, "Error fetching x509 certificates");
            })?;
            tracing::info!("Successfully fetched x509 certificates");
        }
        if config.jwt_bundle.is_none() && config.jwt_svids.is_empty() {
            return Ok(());
        }
        let bundles = self.jwt_bundle().await.inspect_err(|error| {
            tracing::error!(%error, "Error fetching JWT bundle");
        })?;
        if config.jwt_bundle.is_some() {
            tracing::info!("Successfully fetched JWT bundle");
        }
        if !config.jwt_svids.is_empty() {
            self.jwt_svids(&bundles).await.inspect_err(|error| {
                tracing::error!(%error, "Error fetching JWT SVIDs");
            })?;
            tracing::info!("Successfully fetched JWT SVIDs");
        }
        Ok(())
    }

    async fn x509(&self) -> Result<(), OneShotError> {
        let context = self.insist(|| self.client.fetch_x509_context()).await?;
        if let Some(files) = &self.writer.config.x509 {
            self.writer.x509(files, &context).await?;
        }
        Ok(())
    }

    async fn jwt_bundle(&self) -> Result<BTreeMap<TrustDomain, Bundle>, OneShotError> {
        let fetched = self.insist(|| self.client.fetch_jwt_bundles()).await?;
        if let Some(file) = &self.writer.config.jwt_bundle {
            self.writer.jwt_bundles(file, &fetched.bundles).await?;
        }
        Ok(fetched.bundles)
    }

    /// Tries every one, and tells of all that failed.
    async fn jwt_svids(&self, bundles: &BTreeMap<TrustDomain, Bundle>) -> Result<(), OneShotError> {
        let mut failures = Vec::new();
        for file in &self.writer.config.jwt_svids {
            if let Err(error) = self.jwt_svid(file, bundles).await {
                let audience = file.audience.first().map_or("", String::as_str);
                failures.push(format!(
                    "unable to fetch JWT SVID for audience {audience:?}: {error}"
                ));
            }
        }
        if failures.is_empty() {
            return Ok(());
        }
        Err(OneShotError::JwtSvids(failures.join("; ")))
    }

    async fn jwt_svid(
        &self,
        file: &JwtSvidFile,
        bundles: &BTreeMap<TrustDomain, Bundle>,
    ) -> Result<(), OneShotError> {
        let fetch = || self.client.fetch_jwt_svids(&file.audience, None);
        let tokens = self.insist(fetch).await?;
        self.writer.jwt_svid(file, &tokens, bundles).await?;
        Ok(())
    }

    /// Asks again while the agent does not know the caller yet, until the time is over.
    async fn insist<T, F>(&self, ask: impl Fn() -> F) -> Result<T, OneShotError>
    where
        F: Future<Output = Result<T, WorkloadError>>,
    {
        let mut wait = FIRST_WAIT;
        loop {
            let last = match ask().await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let again = last.is_denied() || (self.patient && !last.is_final());
            if !again {
                let address = self.writer.config.address.clone();
                return Err(OneShotError::Fetch {
                    source: last,
                    address,
                });
            }
            let left = self.deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(OneShotError::TimeOut {
                    limit: self.limit,
                    last,
                    address: self.writer.config.address.clone(),
                });
            }
            sleep(wait.min(left)).await;
            wait = (wait * 5).min(LONGEST_WAIT);
        }
    }
}
