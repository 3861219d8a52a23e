//! From the words of the command line to what the agent reads.

use steeple_agent_runtime::config::AgentFlags;
use steeple_cli::agent::RunFlags;

/// Empty texts and zeros mean "not given", as with SPIRE.
pub(crate) fn agent_flags(flags: RunFlags) -> AgentFlags {
    let text = |text: String| Some(text).filter(|text| !text.is_empty());
    AgentFlags {
        config: text(flags.config).map(Into::into),
        expand_env: flags.expand_env,
        data_dir: text(flags.data_dir),
        join_token: text(flags.join_token),
        join_token_file: text(flags.join_token_file),
        log_file: text(flags.log_file),
        log_format: text(flags.log_format),
        log_level: text(flags.log_level),
        log_source_location: flags.log_source_location,
        server_address: text(flags.server_address),
        server_port: Some(flags.server_port).filter(|port| *port != 0),
        socket_path: text(flags.socket_path),
        trust_domain: text(flags.trust_domain),
        disable_workload_api: flags.disable_workload_api,
        disable_sds_api: flags.disable_sds_api,
        trust_bundle: text(flags.trust_bundle),
        trust_bundle_url: text(flags.trust_bundle_url),
        trust_bundle_format: text(flags.trust_bundle_format),
        allow_unauthenticated_verifiers: flags.allow_unauthenticated_verifiers,
        insecure_bootstrap: flags.insecure_bootstrap,
        rebootstrap_mode: text(flags.rebootstrap_mode),
        rebootstrap_delay: text(flags.rebootstrap_delay),
    }
}
