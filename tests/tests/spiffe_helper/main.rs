//! spiffe-helper as a process, with a real server and a real agent.

mod daemon;
mod files;
mod kill;
mod refusals;
mod seed_003;
mod world;

use std::process::ExitCode;

use steeple_tests::Suite;

fn main() -> ExitCode {
    let suite = Suite::default()
        .with(files::cases())
        .with(daemon::cases())
        .with(kill::cases())
        .with(refusals::cases())
        .with(seed_003::cases());
    suite.run().exit_code()
}
