//! `run` and `validate`: the server with what this program is built with.

use std::sync::Arc;

use steeple_cli::server::{RunFlags, Runtime};
use steeple_lifecycle::Clock;
use steeple_server_runtime::{Parts, run, validate};
use steeple_store_sql::SqlBuilder;
use steeple_telemetry::chain;
use tokio::runtime::Builder;

use crate::flags::server_flags;

/// The server as the commands know it.
#[derive(Clone)]
pub(crate) struct Server;

impl Runtime for Server {
    fn run(&self, flags: RunFlags) -> Result<(), String> {
        let runtime = Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| format!("could not start the server's threads: {error}"))?;
        runtime
            .block_on(run(&server_flags(flags), parts()))
            .map_err(|error| chain(&error).to_string())
    }

    fn validate(&self, flags: RunFlags) -> Result<(), String> {
        validate(&server_flags(flags), &parts()).map_err(|error| chain(&error).to_string())
    }
}

/// What this program is built with.
fn parts() -> Parts {
    let builtins = steeple_builtin::builtins();
    #[cfg(feature = "aws")]
    let builtins = builtins.merge(steeple_aws::builtins());
    Parts {
        builtins,
        stores: vec![Arc::new(SqlBuilder)],
        clock: Clock::system(),
    }
}
