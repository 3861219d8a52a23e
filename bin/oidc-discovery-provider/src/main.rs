//! `oidc-discovery-provider`: serves a trust domain's JWT keys as OpenID Connect providers do, so
//! that whoever knows OIDC can check JWT-SVIDs.

mod config;
mod domains;
mod flags;
mod health;
mod keys;
mod listeners;
mod pages;
mod program;
mod sources;

use std::process::ExitCode;

use steeple_goflag::FlagError;
use steeple_telemetry::chain;

/// SPIRE's release whose provider this stands in for, then ours.
const VERSION: &str = concat!("1.15.3+steeple.", env!("CARGO_PKG_VERSION"));

#[expect(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "what has to be said before there is a log"
)]
fn main() -> ExitCode {
    let mut words = std::env::args();
    let called = words.next().unwrap_or_default();
    let words: Vec<String> = words.collect();
    let line = match flags::read(&words) {
        Ok(line) => line,
        Err(FlagError::Help) => {
            eprint!("{}", flags::usage(&called));
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprint!("{error}\n{}", flags::usage(&called));
            return ExitCode::from(2);
        }
    };
    if line.version {
        println!("{VERSION}");
        return ExitCode::SUCCESS;
    }
    if !line.operands.is_empty() {
        let operands = line.operands.join(" ");
        eprint!(
            "Error: unexpected arguments: [{operands}]\n{}",
            flags::usage(&called)
        );
        return ExitCode::FAILURE;
    }
    match run(&line) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(line: &flags::CommandLine) -> Result<(), String> {
    let config =
        config::load(&line.config, line.expand_env).map_err(|error| chain(&error).to_string())?;
    program::run(config).map_err(|error| chain(&error).to_string())
}
