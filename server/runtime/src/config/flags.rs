//! The flags of `spire-server run` and `validate`.

use std::path::PathBuf;

/// What was given on the command line. Absent, empty and zero values leave the file's in place.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ServerFlags {
    /// `-config`
    pub config: Option<PathBuf>,
    /// `-expandEnv`
    pub expand_env: bool,
    /// `-bindAddress`
    pub bind_address: Option<String>,
    /// `-serverPort`
    pub server_port: Option<i64>,
    /// `-socketPath`
    pub socket_path: Option<String>,
    /// `-dataDir`
    pub data_dir: Option<String>,
    /// `-trustDomain`
    pub trust_domain: Option<String>,
    /// `-logFile`
    pub log_file: Option<String>,
    /// `-logFormat`
    pub log_format: Option<String>,
    /// `-logLevel`
    pub log_level: Option<String>,
    /// `-logSourceLocation`
    pub log_source_location: bool,
}
