//! Help and usage texts.

use super::{
    commands::{ABOUT, COMMANDS, Command},
    flags::{Flag, Kind},
};

const FOOTER: &str =
    "Use \"aws_signing_helper [command] --help\" for more information about a command.\n";

/// The program's help.
pub(crate) fn program() -> String {
    let flags = "Flags:\n  -h, --help   help for aws_signing_helper\n";
    format!(
        "{ABOUT}\n\nUsage:\n  aws_signing_helper [command] [flags]\n  aws_signing_helper [command]\n\n\
         {}\n{flags}\n{FOOTER}",
        commands()
    )
}

/// The program's usage, for a help topic that does not exist.
pub(crate) fn topics() -> String {
    format!(
        "Usage:\n  aws_signing_helper [command]\n\n{}\n{FOOTER}",
        commands()
    )
}

fn commands() -> String {
    let width = COMMANDS.iter().map(|command| command.name.len()).max();
    let width = width.unwrap_or(0);
    let lines = COMMANDS
        .iter()
        .map(|command| format!("  {:width$} {}\n", command.name, command.short));
    format!("Available Commands:\n{}", lines.collect::<String>())
}

/// One command's help.
pub(crate) fn command(command: &Command) -> String {
    format!("{}\n\n{}", command.long, usage(command))
}

/// One command's usage and flags.
pub(crate) fn usage(command: &Command) -> String {
    let operand = match command.name {
        "completion" => "[bash|fish|powershell|zsh] [flags]",
        "help" => "[command] [flags]",
        _ => "[flags]",
    };
    let flags = flags(command);
    format!(
        "Usage:\n  aws_signing_helper {} {operand}\n\nFlags:\n{flags}",
        command.name
    )
}

fn flags(command: &Command) -> String {
    let help = format!("help for {}", command.name);
    let help = Flag {
        name: "help",
        kind: Kind::Bool,
        default: "",
        help: &help,
    };
    let mut flags: Vec<Flag<'_>> = command.sorted_flags().into_iter().copied().collect();
    let at = flags.partition_point(|flag| flag.name < "help");
    flags.insert(at, help);
    let rows: Vec<_> = flags.iter().map(|flag| (left(flag), right(flag))).collect();
    let width = rows.iter().map(|(left, _)| left.len()).max().unwrap_or(0);
    let lines = rows
        .iter()
        .map(|(left, right)| format!("{left:width$}   {right}\n"));
    lines.collect()
}

fn left(flag: &Flag<'_>) -> String {
    let short = if flag.name == "help" {
        "  -h, "
    } else {
        "      "
    };
    let value = match flag.kind {
        Kind::Text | Kind::OneOf(_) => " string",
        Kind::Int => " int",
        Kind::Bool => "",
    };
    format!("{short}--{}{value}", flag.name)
}

fn right(flag: &Flag<'_>) -> String {
    let help = flag.help;
    match flag.kind {
        _ if flag.default.is_empty() => help.to_owned(),
        Kind::Int => format!("{help} (default {})", flag.default),
        _ => format!("{help} (default {:?})", flag.default),
    }
}
