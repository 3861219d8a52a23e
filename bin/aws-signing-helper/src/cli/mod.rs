//! The command line: what is asked for, and what is printed when it makes no sense.

mod commands;
mod completion;
mod flags;
mod help;
mod parse;

use std::{
    fmt::Display,
    io::{self, Write as _},
    process::ExitCode,
};

use steeple_lifecycle::Clock;

use crate::{diagnose, log::Log, process, serve, update};
use commands::Command;
use parse::Refusal;
pub(crate) use parse::Values;

/// What the program says it is, also in the User-Agent: the release of AWS's helper that it stands
/// for, and ours as build metadata.
pub(crate) const VERSION: &str = concat!("1.8.4+steeple.", env!("CARGO_PKG_VERSION"));

/// Runs what the arguments ask for.
pub(crate) fn run(args: &[String]) -> ExitCode {
    let Some((name, rest)) = command_word(args) else {
        return program(args);
    };
    let Some(command) = Command::named(name) else {
        let text = format!("unknown command {name:?} for \"aws_signing_helper\"");
        error(&format!(
            "Error: {text}\nRun 'aws_signing_helper --help' for usage.\n"
        ));
        log_line(&text);
        return ExitCode::FAILURE;
    };
    match Values::parse(command, &rest) {
        Ok(values) => dispatch(command, &values),
        Err(Refusal::Help) => print(help::command(command)),
        Err(Refusal::Mistake(text)) => {
            error(&format!("Error: {text}\n{}\n", help::usage(command)));
            log_line(&text);
            ExitCode::FAILURE
        }
    }
}

/// The command's name, and all arguments but it.
fn command_word(args: &[String]) -> Option<(&str, Vec<String>)> {
    let at = args.iter().position(|arg| !arg.starts_with('-'))?;
    let (before, after) = args.split_at(at);
    let (name, after) = after.split_first()?;
    Some((name, [before, after].concat()))
}

/// No command: help, or a flag that the program itself does not have.
fn program(args: &[String]) -> ExitCode {
    let unknown = args
        .iter()
        .find(|arg| !matches!(arg.as_str(), "-h" | "--help" | "--help=true"));
    let Some(unknown) = unknown else {
        return print(help::program());
    };
    let text = format!("unknown flag: {unknown}");
    error(&format!("Error: {text}\n{}\n", help::topics()));
    log_line(&text);
    ExitCode::FAILURE
}

fn dispatch(command: &Command, values: &Values) -> ExitCode {
    let log = Log::new(Clock::system(), values.on("debug"));
    match command.name {
        "credential-process" => end(&log, process::run(values, &log)),
        "serve" => end(&log, serve::run(values, &log)),
        "update" => end(&log, update::run(values, &log)),
        "read-certificate-data" => end(&log, diagnose::read_certificate(values)),
        "sign-string" => end(&log, diagnose::sign_string(values, &log)),
        "version" => print(format!("{VERSION}\n")),
        "completion" => completion::run(values.operands()),
        _ => help_about(values.operands()),
    }
}

fn help_about(topic: &[String]) -> ExitCode {
    let Some(name) = topic.first() else {
        return print(help::program());
    };
    match Command::named(name) {
        Some(command) => print(help::command(command)),
        None => {
            error(&format!(
                "Unknown help topic [`{name}`]\n{}",
                help::topics()
            ));
            ExitCode::SUCCESS
        }
    }
}

/// What a command has to print, or why it failed.
fn end<E: Display>(log: &Log, ended: Result<Vec<u8>, E>) -> ExitCode {
    match ended {
        Ok(output) => print(output),
        Err(error) => {
            log.line(error);
            ExitCode::FAILURE
        }
    }
}

fn print(output: impl AsRef<[u8]>) -> ExitCode {
    let mut stdout = io::stdout();
    let printed = stdout
        .write_all(output.as_ref())
        .and_then(|()| stdout.flush());
    match printed {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            log_line(&format!("failed to write to standard output: {why}"));
            ExitCode::FAILURE
        }
    }
}

fn error(text: &str) {
    drop(io::stderr().write_all(text.as_bytes()));
}

fn log_line(text: &str) {
    Log::new(Clock::system(), false).line(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_the_first_word_and_flags_may_come_before() {
        let args = ["--debug", "serve", "--port", "1"].map(str::to_owned);
        let (name, rest) = command_word(&args).unwrap();
        assert_eq!(name, "serve");
        assert_eq!(rest, ["--debug", "--port", "1"]);
        assert_eq!(command_word(&["--help".to_owned()]), None);
    }

    #[test]
    fn help_lists_every_command() {
        let text = help::program();
        for command in commands::COMMANDS {
            assert!(text.contains(command.short), "{}", command.name);
            assert!(help::command(command).contains("-h, --help"));
        }
    }
}
