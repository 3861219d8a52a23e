//! `aws_signing_helper` as a process, against a double of IAM Roles Anywhere that checks what the
//! certificate alone proves, and with the real AWS CLI and SDK as its clients.
//!
//! `STEEPLE_AWS_SIGNING_HELPER` names another program to judge in its place.

mod command_line;
mod double;
mod keys;
mod pki;
mod process;
mod program;
mod sdk;
mod serve;
mod token;
mod transport;
mod update;
mod verify;
mod workload;

use std::process::ExitCode;

use steeple_tests::Suite;

fn main() -> ExitCode {
    let suite = Suite::default()
        .with(command_line::cases())
        .with(process::cases())
        .with(keys::cases())
        .with(token::cases())
        .with(transport::cases())
        .with(serve::cases())
        .with(update::cases())
        .with(workload::cases())
        .with(sdk::cases());
    suite.run().exit_code()
}
