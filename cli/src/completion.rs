//! `completion bash|zsh|fish`: a shell's completion script on standard output.

use clap_complete::Shell;

use crate::{env::Env, help, program::Program};

/// Writes completion scripts for one program.
pub(crate) struct Completion<'a> {
    program: &'a Program,
}

impl<'a> Completion<'a> {
    pub(crate) fn of(program: &'a Program) -> Self {
        Self { program }
    }

    /// Prints the script for the shell that `args` name.
    pub(crate) fn run(&self, args: &[String], env: &mut Env) -> u8 {
        let name = self.program.name;
        let Some(shell) = args.first().and_then(|word| word.parse::<Shell>().ok()) else {
            env.complain(&format!(
                "Usage: {name} completion bash|zsh|fish|elvish|powershell\n\n\
                 Prints a completion script; for bash: source <({name} completion bash)"
            ));
            return 1;
        };
        let mut command = tree(self.program, name, "");
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut command, name, &mut script);
        match env.stdout.write_all(&script) {
            Ok(()) => 0,
            Err(error) => {
                env.complain(&format!("Error: could not print the script: {error}"));
                1
            }
        }
    }
}

/// The commands below `path` as clap commands.
fn tree(program: &Program, name: &'static str, path: &str) -> clap::Command {
    let mut command = match program.commands.get(path) {
        Some(found) => found.flags().into_command().about(found.synopsis()),
        None => clap::Command::new(name),
    };
    command = command.name(name).disable_help_subcommand(true);
    for known in program.commands.keys() {
        let below = if path.is_empty() {
            Some(*known)
        } else {
            known.strip_prefix(path)
        };
        let Some(word) = below.map(str::trim_start).filter(|rest| !rest.is_empty()) else {
            continue;
        };
        let word = word.split(' ').next().unwrap_or_default();
        if command
            .get_subcommands()
            .any(|known| known.get_name() == word)
        {
            continue;
        }
        let child = if path.is_empty() {
            word.to_owned()
        } else {
            format!("{path} {word}")
        };
        if help::children(program, path).any(|(known, _)| known == word) {
            command = command.subcommand(tree(program, word, &child));
        }
    }
    command
}
