//! The server's plugins for AWS, in the real server, against stand-ins for the services.

mod s3;
mod seed_002;
mod services;

use std::process::ExitCode;

use steeple_tests::Suite;

fn main() -> ExitCode {
    let suite = Suite::default().with(seed_002::cases()).with(s3::cases());
    suite.run().exit_code()
}
