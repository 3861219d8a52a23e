//! `spire-server`: arguments and wiring.

use std::{process::ExitCode, sync::Arc};

use steeple_cli::{
    Env,
    server::{self, RunFlags, Runtime},
};
use steeple_lifecycle::Clock;
use steeple_server_runtime::{Parts, VERSION, config::ServerFlags, run, validate};
use steeple_store_sql::SqlBuilder;

#[derive(Clone)]
struct Server;

impl Runtime for Server {
    fn run(&self, flags: RunFlags) -> Result<(), String> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build();
        let runtime = runtime.map_err(|error| format!("could not start threads: {error}"))?;
        runtime
            .block_on(run(&server_flags(flags), parts()))
            .map_err(|error| error.story())
    }

    fn validate(&self, flags: RunFlags) -> Result<(), String> {
        validate(&server_flags(flags), &parts()).map_err(|error| error.story())
    }
}

/// What this program is built with.
fn parts() -> Parts {
    Parts {
        builtins: steeple_builtin::builtins(),
        stores: vec![Arc::new(SqlBuilder)],
        clock: Clock::system(),
    }
}

fn server_flags(flags: RunFlags) -> ServerFlags {
    let given = |text: String| Some(text).filter(|text| !text.is_empty());
    ServerFlags {
        config: given(flags.config).map(Into::into),
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

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    ExitCode::from(server::program(VERSION, Server).run(&args, &mut Env::process()))
}
