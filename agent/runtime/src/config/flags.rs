//! The flags of `spire-agent run` and `validate`.

use std::path::PathBuf;

/// What was given on the command line. Absent, empty and zero values leave the file's in place.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AgentFlags {
    /// `-config`
    pub config: Option<PathBuf>,
    /// `-expandEnv`
    pub expand_env: bool,
    /// `-dataDir`
    pub data_dir: Option<String>,
    /// `-joinToken`
    pub join_token: Option<String>,
    /// `-joinTokenFile`
    pub join_token_file: Option<String>,
    /// `-logFile`
    pub log_file: Option<String>,
    /// `-logFormat`
    pub log_format: Option<String>,
    /// `-logLevel`
    pub log_level: Option<String>,
    /// `-logSourceLocation`
    pub log_source_location: bool,
    /// `-serverAddress`
    pub server_address: Option<String>,
    /// `-serverPort`
    pub server_port: Option<i64>,
    /// `-socketPath`
    pub socket_path: Option<String>,
    /// `-trustDomain`
    pub trust_domain: Option<String>,
    /// `-disableWorkloadAPI`
    pub disable_workload_api: bool,
    /// `-disableSDSAPI`
    pub disable_sds_api: bool,
    /// `-trustBundle`
    pub trust_bundle: Option<String>,
    /// `-trustBundleUrl`
    pub trust_bundle_url: Option<String>,
    /// `-trustBundleFormat`
    pub trust_bundle_format: Option<String>,
    /// `-allowUnauthenticatedVerifiers`
    pub allow_unauthenticated_verifiers: bool,
    /// `-insecureBootstrap`
    pub insecure_bootstrap: bool,
    /// `-rebootstrapMode`
    pub rebootstrap_mode: Option<String>,
    /// `-rebootstrapDelay`
    pub rebootstrap_delay: Option<String>,
}
