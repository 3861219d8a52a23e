//! Cases of `oidc-discovery-provider`: as a process, against our server and agent, an ACME service
//! and a stand-in for AWS STS.

mod acme;
mod assume_role;
mod certificate;
mod command_line;
mod fetch;
mod page;
mod pki;
mod process;
mod provider;
mod sources;
mod stock;

use std::process::ExitCode;

use steeple_tests::Suite;

fn main() -> ExitCode {
    let suite = Suite::default()
        .with(command_line::cases())
        .with(process::cases())
        .with(sources::cases())
        .with(certificate::cases())
        .with(assume_role::cases())
        .with(page::cases())
        .with(acme::cases())
        .with(stock::cases());
    suite.run().exit_code()
}
