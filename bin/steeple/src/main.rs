//! `steeple`: what SPIRE has no command for.

mod dev;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;
use steeple_telemetry::chain;

/// Workload identity for the SPIFFE standards.
#[derive(Parser)]
#[command(name = "steeple", version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a server and an agent here and show your own X.509-SVID.
    Dev(dev::Args),
    /// Print a completion script for your shell.
    Completion {
        /// The shell.
        shell: Shell,
    },
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Dev(args) => dev::run(&args),
        Command::Completion { shell } => {
            clap_complete::generate(
                shell,
                &mut Cli::command(),
                "steeple",
                &mut std::io::stdout(),
            );
            Ok(())
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Error: {}", chain(&*error));
            ExitCode::FAILURE
        }
    }
}
