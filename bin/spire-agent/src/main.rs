//! `spire-agent`: arguments and wiring.

mod flags;
mod serve;

use std::process::ExitCode;

use steeple_cli::{Env, agent};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let program = agent::program(steeple_agent_runtime::VERSION, serve::Agent);
    ExitCode::from(program.run(&args, &mut Env::process()))
}
