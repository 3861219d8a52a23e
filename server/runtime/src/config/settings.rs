//! The checked configuration.

use std::path::PathBuf;
use std::time::Duration;

use steeple_config::PluginConfig;
use steeple_lifecycle::health::HealthConfig;
use steeple_plugin_sdk::keymanager::KeyType;
use steeple_spiffe::{SpiffeId, TrustDomain};
use steeple_telemetry::LogConfig;

/// Everything the server is told, defaults applied.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServerConfig {
    /// `trust_domain`
    pub trust_domain: TrustDomain,
    /// `bind_address` and `bind_port`
    pub bind: BindAddress,
    /// `socket_path`, made absolute.
    pub socket_path: PathBuf,
    /// `data_dir`; not made yet.
    pub data_dir: PathBuf,
    /// `ca_key_type`
    pub ca_key_type: KeyType,
    /// `jwt_key_type`; the CA's if not set.
    pub jwt_key_type: KeyType,
    /// `ca_subject`
    pub ca_subject: CaSubject,
    /// `ca_ttl`
    pub ca_ttl: Duration,
    /// `agent_ttl`; if not set, agents get `default_x509_svid_ttl`.
    pub agent_ttl: Option<Duration>,
    /// `default_x509_svid_ttl`
    pub default_x509_svid_ttl: Duration,
    /// `default_jwt_svid_ttl`
    pub default_jwt_svid_ttl: Duration,
    /// `disable_jwt_svids`
    pub disable_jwt_svids: bool,
    /// `jwt_issuer`: the claim `iss`.
    pub jwt_issuer: Option<String>,
    /// `ratelimit`
    pub ratelimit: RateLimits,
    /// `admin_ids`
    pub admin_ids: Vec<SpiffeId>,
    /// `audit_log_enabled`
    pub audit_log_enabled: bool,
    /// `experimental.agent_spiffe_id_as_selector`
    pub agent_spiffe_id_as_selector: bool,
    /// `log_level`, `log_format`, `log_file`, `log_source_location`
    pub log: LogConfig,
    /// `health_checks`, if the listener is enabled.
    pub health_checks: Option<HealthConfig>,
    /// `plugins`, in the order of the file.
    pub plugins: Vec<PluginConfig>,
    /// What should be logged as warnings once the log is there.
    pub warnings: Vec<String>,
}

/// Where the TCP endpoint listens: a name or an IP address without brackets, and a port.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BindAddress {
    /// `bind_address`
    pub host: String,
    /// `bind_port`
    pub port: u16,
}

/// `ca_subject`: who self-signed CA certificates say they are.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CaSubject {
    /// `country`
    pub country: Vec<String>,
    /// `organization`
    pub organization: Vec<String>,
    /// `common_name`; may be empty.
    pub common_name: String,
}

impl Default for CaSubject {
    fn default() -> Self {
        Self {
            country: vec!["US".to_owned()],
            organization: vec!["SPIFFE".to_owned()],
            common_name: String::new(),
        }
    }
}

/// `ratelimit`: which calls are limited per caller.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RateLimits {
    /// Attestation.
    pub attestation: bool,
    /// Signing.
    pub signing: bool,
}

impl Default for RateLimits {
    fn default() -> Self {
        Self {
            attestation: true,
            signing: true,
        }
    }
}
