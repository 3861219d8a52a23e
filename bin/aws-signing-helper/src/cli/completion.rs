//! Completion scripts, made from the table of commands.

use std::process::ExitCode;

use clap::{Arg, ArgAction, Command as Shape};
use clap_complete::Shell;

use super::{
    commands::{COMMANDS, Command},
    error,
    flags::Kind,
    help, print,
};

const PROGRAM: &str = "aws_signing_helper";

/// Prints the script for the shell that `operands` name; help if they name none.
pub(super) fn run(operands: &[String]) -> ExitCode {
    let Some(shell) = operands.first() else {
        let shown = Command::named("completion").map(help::command);
        return print(shown.unwrap_or_default());
    };
    match shell.parse::<Shell>() {
        Ok(shell) if shell != Shell::Elvish => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut shape(), PROGRAM, &mut script);
            print(script)
        }
        _ => {
            error(&format!(
                "Error: no completion for {shell:?}: name bash, fish, powershell or zsh\n"
            ));
            ExitCode::FAILURE
        }
    }
}

fn shape() -> Shape {
    let commands = COMMANDS.iter().map(|command| {
        let args = command.sorted_flags().into_iter().map(|flag| {
            let arg = Arg::new(flag.name).long(flag.name).help(flag.help);
            match flag.kind {
                Kind::Bool => arg.action(ArgAction::SetTrue),
                Kind::OneOf(words) => arg.value_parser(words.to_vec()),
                Kind::Text | Kind::Int => arg.value_name("VALUE"),
            }
        });
        let shape = Shape::new(command.name).about(command.short).args(args);
        match command.name {
            "completion" => {
                let shells = ["bash", "fish", "powershell", "zsh"];
                shape.arg(Arg::new("shell").value_parser(shells))
            }
            _ => shape,
        }
    });
    Shape::new(PROGRAM)
        .disable_help_subcommand(true)
        .subcommands(commands)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_completes_commands_and_flags() {
        for shell in [Shell::Bash, Shell::Fish, Shell::PowerShell, Shell::Zsh] {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut shape(), PROGRAM, &mut script);
            let script = String::from_utf8(script).unwrap();
            for word in ["credential-process", "trust-anchor-arn", "hop-limit"] {
                assert!(script.contains(word), "{shell}: {word}");
            }
        }
    }
}
