//! The checked configuration.

use std::path::PathBuf;
use std::time::Duration;

use steeple_config::PluginConfig;
use steeple_lifecycle::health::HealthConfig;
use steeple_spiffe::{TrustDomain, key::KeyType};
use steeple_telemetry::LogConfig;

/// Everything the agent is told, defaults applied.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AgentConfig {
    /// `trust_domain`
    pub trust_domain: TrustDomain,
    /// `server_address`: a name or an IP address without brackets.
    pub server_address: String,
    /// `server_port`
    pub server_port: u16,
    /// `socket_path`, made absolute.
    pub socket_path: PathBuf,
    /// `data_dir`; not made yet.
    pub data_dir: PathBuf,
    /// How the server's first bundle is obtained.
    pub bundle_source: BundleSource,
    /// `join_token`, or what `join_token_file` contained.
    pub join_token: Option<String>,
    /// `workload_x509_svid_key_type`; never RSA with 4096 bits.
    pub workload_key_type: KeyType,
    /// `x509_svid_cache_max_size`; 1000 if not set.
    pub x509_svid_cache_max_size: usize,
    /// `jwt_svid_cache_max_size`; 1000 if not set.
    pub jwt_svid_cache_max_size: usize,
    /// `disable_workload_api`
    pub disable_workload_api: bool,
    /// `disable_sds_api`
    pub disable_sds_api: bool,
    /// `allow_unauthenticated_verifiers`
    pub allow_unauthenticated_verifiers: bool,
    /// `sds`
    pub sds: SdsNames,
    /// `experimental.sync_interval`; none is the usual 5 s.
    pub sync_interval: Option<Duration>,
    /// `experimental.use_sync_authorized_entries`
    pub use_sync_authorized_entries: bool,
    /// `experimental.jwt_svid_cache_hit_timeout`
    pub jwt_svid_cache_hit_timeout: Option<Duration>,
    /// `log_level`, `log_format`, `log_file`, `log_source_location`
    pub log: LogConfig,
    /// `health_checks`, if the listener is enabled.
    pub health_checks: Option<HealthConfig>,
    /// `plugins`, in the order of the file.
    pub plugins: Vec<PluginConfig>,
    /// What should be logged as warnings once the log is there.
    pub warnings: Vec<String>,
}

/// How an agent that has no bundle yet gets the server's.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum BundleSource {
    /// `insecure_bootstrap`: whatever the server shows first is believed.
    Insecure,
    /// `trust_bundle_path`
    File {
        /// The file.
        path: PathBuf,
        /// `trust_bundle_format`
        format: BundleFormat,
    },
    /// `trust_bundle_url`
    Url {
        /// The address, `https` unless over a Unix socket.
        url: String,
        /// `trust_bundle_unix_socket`
        unix_socket: Option<PathBuf>,
        /// `trust_bundle_format`
        format: BundleFormat,
    },
}

/// `trust_bundle_format`
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum BundleFormat {
    /// Certificates in PEM.
    #[default]
    Pem,
    /// A SPIFFE bundle document.
    Spiffe,
}

/// `sds`: the resource names that Envoy asks for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SdsNames {
    /// `default_svid_name`
    pub svid: String,
    /// `default_bundle_name`
    pub bundle: String,
    /// `default_all_bundles_name`
    pub all_bundles: String,
    /// `disable_spiffe_cert_validation`
    pub disable_spiffe_cert_validation: bool,
}

impl Default for SdsNames {
    fn default() -> Self {
        Self {
            svid: "default".to_owned(),
            bundle: "ROOTCA".to_owned(),
            all_bundles: "ALL".to_owned(),
            disable_spiffe_cert_validation: false,
        }
    }
}
