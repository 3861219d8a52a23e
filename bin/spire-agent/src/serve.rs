//! `run` and `validate`: the agent with what this program is built with.

use steeple_agent_runtime::{Parts, run, validate};
use steeple_cli::agent::{RunFlags, Runtime};
use steeple_lifecycle::Clock;
use steeple_telemetry::chain;
use tokio::runtime::Builder;

use crate::flags::agent_flags;

/// The agent as the commands know it.
#[derive(Clone)]
pub(crate) struct Agent;

impl Runtime for Agent {
    fn run(&self, flags: RunFlags) -> Result<(), String> {
        let runtime = Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| format!("could not start the agent's threads: {error}"))?;
        runtime
            .block_on(run(&agent_flags(flags), parts()))
            .map_err(|error| chain(&error).to_string())
    }

    fn validate(&self, flags: RunFlags) -> Result<(), String> {
        validate(&agent_flags(flags), &parts()).map_err(|error| chain(&error).to_string())
    }
}

fn parts() -> Parts {
    Parts {
        builtins: steeple_builtin::builtins(),
        clock: Clock::system(),
    }
}
