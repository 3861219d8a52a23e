//! Cases that start the real programs. See the harness for what they look for outside.

mod bad_calls;
mod bad_files;
mod both_ways;
mod clients;
mod crosswise;
mod kill;
mod kill_writer;
mod same_files;
mod seed_002;
mod seed_002_svid;

use std::process::ExitCode;

use steeple_tests::Suite;

fn main() -> ExitCode {
    let suite = Suite::default()
        .with(seed_002::cases())
        .with(clients::cases())
        .with(both_ways::cases())
        .with(bad_calls::cases())
        .with(bad_files::cases())
        .with(kill::cases())
        .with(crosswise::cases())
        .with(same_files::cases());
    suite.run().exit_code()
}
