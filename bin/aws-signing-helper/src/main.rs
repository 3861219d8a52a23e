//! `aws_signing_helper`: temporary AWS credentials for a certificate, by IAM Roles Anywhere.

mod cli;
mod credentials;
mod diagnose;
mod identity;
mod log;
mod options;
mod process;
mod serve;
mod session;
mod sigv4;
mod update;

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args_os()
        .skip(1)
        .map(|arg| arg.to_string_lossy().into_owned())
        .collect();
    cli::run(&args)
}
