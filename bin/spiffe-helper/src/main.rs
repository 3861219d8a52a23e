//! `spiffe-helper`: keeps SVIDs and bundles of the Workload API in files, and tells a process when
//! they change.

mod config;
mod daemon;
mod disk;
mod flags;
mod health;
mod missed;
mod one_shot;
mod outputs;
mod process;
mod run;
mod version;
mod writer;

use std::process::ExitCode;

use steeple_goflag::FlagError;

fn main() -> ExitCode {
    let mut words = std::env::args();
    let called = words.next().unwrap_or_else(|| "spiffe-helper".to_owned());
    let words: Vec<String> = words.collect();
    match flags::read(&words) {
        Err(FlagError::Help) => {
            eprint!("{}", flags::usage(&called));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprint!("{error}\n{}", flags::usage(&called));
            ExitCode::from(2)
        }
        Ok(line) if line.version => {
            println!("{}", version::version());
            ExitCode::SUCCESS
        }
        Ok(line) => run::run(&line),
    }
}
