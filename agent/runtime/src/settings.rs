//! From the checked configuration to the settings of the rooms below.

use std::sync::Arc;

use steeple_attest::{Attestor, NodeConfig, bootstrap};
use steeple_cache::{CacheConfig, rotation::Rotation};
use steeple_lifecycle::Clock;
use steeple_plugin_host::{AgentNodeAttestation, AgentPlugins};

use crate::config::{AgentConfig, BundleFormat, BundleSource};

/// What it takes to become an agent.
pub(crate) fn node(config: &AgentConfig, plugins: &AgentPlugins, clock: &Clock) -> NodeConfig {
    NodeConfig {
        data_dir: config.data_dir.clone(),
        server_host: config.server_address.clone(),
        server_port: config.server_port,
        trust_domain: config.trust_domain.clone(),
        source: source(&config.bundle_source),
        attestor: attestor(config, plugins),
        key_manager: Arc::clone(&plugins.key_manager),
        rotate_at: |not_before, not_after| Rotation::default().rotate_at(not_before, not_after),
        clock: clock.clone(),
    }
}

/// A join token that was given is used, whatever node attestor is configured.
fn attestor(config: &AgentConfig, plugins: &AgentPlugins) -> Attestor {
    match (&config.join_token, &plugins.node_attestation) {
        (None, AgentNodeAttestation::Plugin(plugin)) => Attestor::Plugin(Arc::clone(plugin)),
        (token, _) => Attestor::JoinToken(token.clone()),
    }
}

fn source(source: &BundleSource) -> bootstrap::BundleSource {
    match source {
        BundleSource::Insecure => bootstrap::BundleSource::Insecure,
        BundleSource::File { path, format } => bootstrap::BundleSource::File {
            path: path.clone(),
            format: bundle_format(*format),
        },
        BundleSource::Url {
            url,
            unix_socket,
            format,
        } => bootstrap::BundleSource::Url {
            url: url.clone(),
            unix_socket: unix_socket.clone(),
            format: bundle_format(*format),
        },
    }
}

fn bundle_format(format: BundleFormat) -> bootstrap::BundleFormat {
    match format {
        BundleFormat::Pem => bootstrap::BundleFormat::Pem,
        BundleFormat::Spiffe => bootstrap::BundleFormat::Spiffe,
    }
}

/// What the cache is told.
pub(crate) fn cache(config: &AgentConfig) -> CacheConfig {
    let defaults = CacheConfig::default();
    CacheConfig {
        sync_interval: config.sync_interval.unwrap_or(defaults.sync_interval),
        sync_by_revision: config.use_sync_authorized_entries,
        x509_svid_max: config.x509_svid_cache_max_size,
        jwt_svid_max: config.jwt_svid_cache_max_size,
        jwt_refresh_timeout: config
            .jwt_svid_cache_hit_timeout
            .unwrap_or(defaults.jwt_refresh_timeout),
        key_type: config.workload_key_type,
        rotation: Rotation::default(),
    }
}
