//! `run` and `validate`: from flags to the agent, with the platforms this program is built with.

use std::path::PathBuf;

use steeple_agent_runtime::{AgentError, Parts, config::AgentFlags};
use steeple_cli::agent::{RunFlags, Runtime};
use steeple_lifecycle::Clock;

/// The agent that the commands start.
#[derive(Clone)]
pub(crate) struct Agent;

impl Runtime for Agent {
    fn run(&self, flags: RunFlags) -> Result<(), String> {
        let runtime = tokio::runtime::Runtime::new()
            .map_err(|error| format!("could not start the async runtime: {error}"))?;
        runtime
            .block_on(steeple_agent_runtime::run(&agent_flags(flags), parts()))
            .map_err(text)
    }

    fn validate(&self, flags: RunFlags) -> Result<(), String> {
        steeple_agent_runtime::validate(&agent_flags(flags), &parts()).map_err(text)
    }
}

fn parts() -> Parts {
    Parts {
        builtins: steeple_builtin::builtins(),
        clock: Clock::system(),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "used with map_err")]
fn text(error: AgentError) -> String {
    error.to_string()
}

/// Empty, zero and false mean "not given".
fn agent_flags(flags: RunFlags) -> AgentFlags {
    let given = |text: String| Some(text).filter(|text| !text.is_empty());
    AgentFlags {
        config: given(flags.config).map(PathBuf::from),
        expand_env: flags.expand_env,
        data_dir: given(flags.data_dir),
        join_token: given(flags.join_token),
        join_token_file: given(flags.join_token_file),
        log_file: given(flags.log_file),
        log_format: given(flags.log_format),
        log_level: given(flags.log_level),
        log_source_location: flags.log_source_location,
        server_address: given(flags.server_address),
        server_port: Some(flags.server_port).filter(|port| *port != 0),
        socket_path: given(flags.socket_path),
        trust_domain: given(flags.trust_domain),
        disable_workload_api: flags.disable_workload_api,
        disable_sds_api: flags.disable_sds_api,
        trust_bundle: given(flags.trust_bundle),
        trust_bundle_url: given(flags.trust_bundle_url),
        trust_bundle_format: given(flags.trust_bundle_format),
        allow_unauthenticated_verifiers: flags.allow_unauthenticated_verifiers,
        insecure_bootstrap: flags.insecure_bootstrap,
        rebootstrap_mode: given(flags.rebootstrap_mode),
        rebootstrap_delay: given(flags.rebootstrap_delay),
    }
}
