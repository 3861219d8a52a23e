//! The project's chores, one word each: `cargo xtask test`, `cargo xtask check`, and so on.

mod bench;
mod check;
mod command;
mod counts;
mod layers;
mod machine;
mod test;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The project's chores.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Debug, Subcommand)]
enum Chore {
    /// Builds everything, gets what the tests need, and runs all tests.
    Test(test::Arguments),
    /// Formatting, clippy, layers and dependencies: what must hold besides the tests.
    Check,
    /// Checks that every crate depends only on those it may see.
    Layers,
    /// Checks licences, bans and sources of all dependencies; installs cargo-deny if need be.
    Deny,
    /// Measures the release build; arguments after `--` go to the benches.
    Bench(bench::Arguments),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().chore {
        Chore::Test(arguments) => test::run(&arguments),
        Chore::Check => check::run(),
        Chore::Layers => layers::run(),
        Chore::Deny => check::deny(),
        Chore::Bench(arguments) => bench::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
