//! From the words of the command line to what the server reads.

use steeple_cli::server::RunFlags;
use steeple_server_runtime::config::ServerFlags;

/// Empty texts and zeros mean "not given", as with SPIRE.
pub(crate) fn server_flags(flags: RunFlags) -> ServerFlags {
    let text = |text: String| Some(text).filter(|text| !text.is_empty());
    ServerFlags {
        config: text(flags.config).map(Into::into),
        expand_env: flags.expand_env,
        bind_address: text(flags.bind_address),
        server_port: Some(flags.server_port).filter(|port| *port != 0),
        socket_path: text(flags.socket_path),
        data_dir: text(flags.data_dir),
        trust_domain: text(flags.trust_domain),
        log_file: text(flags.log_file),
        log_format: text(flags.log_format),
        log_level: text(flags.log_level),
        log_source_location: flags.log_source_location,
    }
}
