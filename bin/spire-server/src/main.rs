//! `spire-server`: arguments and wiring.

mod flags;
mod serve;

use std::process::ExitCode;

use steeple_cli::{Env, server};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let program = server::program(steeple_server_runtime::VERSION, serve::Server);
    ExitCode::from(program.run(&args, &mut Env::process()))
}
