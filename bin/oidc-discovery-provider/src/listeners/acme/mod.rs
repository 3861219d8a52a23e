//! HTTPS with certificates from an ACME service (RFC 8555), proven by TLS-ALPN-01 (RFC 8737) on
//! the very listener that serves.

mod account;
mod cache;
mod certificate;
mod client;
mod order;
mod renewal;
mod resolver;

use std::sync::Arc;

use steeple_lifecycle::Clock;

use crate::{config::AcmeConfig, domains::Domains};

pub(super) use renewal::Renewal;
pub(super) use resolver::Resolver;

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AcmeError {
    /// Nobody is trusted to be the service.
    #[error(
        "no root certificates found to check the ACME service by; install ca-certificates or set SSL_CERT_FILE"
    )]
    NoRoots,
    /// TLS cannot be set up.
    #[error("could not set up TLS to the ACME service: {0}")]
    Tls(#[from] rustls::Error),
    /// The service refuses, or does not answer.
    #[error("{doing}: {source}")]
    Service {
        /// What it was asked.
        doing: &'static str,
        /// What it said.
        source: instant_acme::Error,
    },
    /// The service did not answer in time.
    #[error("the ACME service did not finish within {0} s")]
    Late(u64),
    /// The service offers other proofs only.
    #[error("the ACME service offers no tls-alpn-01 challenge for {0:?}")]
    NoChallenge(String),
    /// The service looked for the proof and did not find it.
    #[error("the ACME service could not verify {domain:?}: {why}")]
    NotProven {
        /// The name.
        domain: String,
        /// What it said.
        why: String,
    },
    /// A certificate cannot be made or used.
    #[error("unusable certificate: {0}")]
    Certificate(String),
    /// Something cannot be kept.
    #[error("cache_dir: {0}")]
    Cache(String),
}

/// The resolver for the listener, and the task that feeds it.
pub(super) fn prepare(
    config: AcmeConfig,
    domains: &Domains,
    clock: Clock,
) -> (Arc<Resolver>, Renewal) {
    let resolver = Arc::new(Resolver::default());
    let names = domains.names().map(str::to_owned).collect();
    let renewal = Renewal::new(config, names, Arc::clone(&resolver), clock);
    (resolver, renewal)
}
