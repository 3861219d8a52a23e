//! `run` and `validate`: from flags to the server, with the platforms this program is built with.

use std::{path::PathBuf, sync::Arc};

use steeple_cli::server::{RunFlags, Runtime};
use steeple_lifecycle::Clock;
use steeple_server_runtime::{Parts, ServerError, config::ServerFlags};
use steeple_store_sql::SqlBuilder;

/// The server that the commands start.
#[derive(Clone)]
pub(crate) struct Server;

impl Runtime for Server {
    fn run(&self, flags: RunFlags) -> Result<(), String> {
        let runtime = tokio::runtime::Runtime::new()
            .map_err(|error| format!("could not start the async runtime: {error}"))?;
        runtime
            .block_on(steeple_server_runtime::run(&server_flags(flags), parts()))
            .map_err(text)
    }

    fn validate(&self, flags: RunFlags) -> Result<(), String> {
        steeple_server_runtime::validate(&server_flags(flags), &parts()).map_err(text)
    }
}

fn parts() -> Parts {
    Parts {
        builtins: steeple_builtin::builtins(),
        stores: vec![Arc::new(SqlBuilder)],
        clock: Clock::system(),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "used with map_err")]
fn text(error: ServerError) -> String {
    error.to_string()
}

/// Empty, zero and false mean "not given".
fn server_flags(flags: RunFlags) -> ServerFlags {
    let given = |text: String| Some(text).filter(|text| !text.is_empty());
    ServerFlags {
        config: given(flags.config).map(PathBuf::from),
        expand_env: flags.expand_env,
        bind_address: given(flags.bind_address),
        server_port: Some(flags.server_port).filter(|port| *port != 0),
        socket_path: given(flags.socket_path),
        data_dir: given(flags.data_dir),
        trust_domain: given(flags.trust_domain),
        log_file: given(flags.log_file),
        log_format: given(flags.log_format),
        log_level: given(flags.log_level),
        log_source_location: flags.log_source_location,
    }
}
