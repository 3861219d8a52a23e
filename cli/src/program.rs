//! From a command line to the command it names, with SPIRE's exit codes.

use std::collections::BTreeMap;

use crate::{command::Command, completion::Completion, env::Env, help};

/// A command of that name does not exist, or none was named.
const NO_SUCH_COMMAND: u8 = 127;

/// A program with its commands.
pub struct Program {
    pub(crate) name: &'static str,
    version: String,
    pub(crate) commands: BTreeMap<&'static str, Box<dyn Command>>,
}

impl Program {
    /// A program without commands.
    pub fn new(name: &'static str, version: impl Into<String>) -> Self {
        Self {
            name,
            version: version.into(),
            commands: BTreeMap::new(),
        }
    }

    /// Adds a command; `path` is its words with single spaces between.
    #[must_use]
    pub fn with(mut self, path: &'static str, command: impl Command + 'static) -> Self {
        self.commands.insert(path, Box::new(command));
        self
    }

    /// Runs what `args` (without the program's own name) say, and gives the exit code: 0 for
    /// success and help, 1 for a failed command and for one that needs a subcommand, 127 for an
    /// unknown one.
    pub fn run(&self, args: &[String], env: &mut Env) -> u8 {
        let line = CommandLine::read(self, args);
        if line.version {
            env.complain(&self.version);
            return 0;
        }
        match line.target {
            Target::None => {
                env.complain(&help::program(self));
                if line.help { 0 } else { NO_SUCH_COMMAND }
            }
            Target::Unknown => {
                env.complain(&help::program(self));
                NO_SUCH_COMMAND
            }
            Target::Completion => Completion::of(self).run(line.rest, env),
            Target::Parent(path) => {
                env.complain(&help::parent(self, &path));
                u8::from(!line.help)
            }
            Target::Command(path, command) if line.help => {
                env.complain(&help::command(self, path, command));
                0
            }
            Target::Command(path, command) if line.early_flags => {
                env.complain(EARLY_FLAGS);
                env.complain(&help::command(self, path, command));
                1
            }
            Target::Command(_, command) => command.run(line.rest, env),
        }
    }
}

const EARLY_FLAGS: &str = "Invalid flags before the subcommand. If these flags are for\n\
    the subcommand, please put them after the subcommand.\n";

/// What the command word or words name.
enum Target<'a> {
    None,
    Unknown,
    Completion,
    Parent(String),
    Command(&'static str, &'a dyn Command),
}

struct CommandLine<'a> {
    help: bool,
    version: bool,
    early_flags: bool,
    target: Target<'a>,
    rest: &'a [String],
}

impl<'a> CommandLine<'a> {
    fn read(program: &'a Program, args: &'a [String]) -> Self {
        let words = args.iter().take_while(|arg| *arg != "--");
        let help = words
            .clone()
            .any(|arg| matches!(arg.as_str(), "-h" | "-help" | "--help"));
        let first = args
            .iter()
            .position(|arg| arg == "--" || !arg.starts_with('-'));
        let at = first.filter(|&at| args[at] != "--" && !args[at].is_empty());
        let early = &args[..first.unwrap_or(args.len())];
        let is_version = |arg: &String| matches!(arg.as_str(), "-v" | "-version" | "--version");
        let is_help = |arg: &String| matches!(arg.as_str(), "-h" | "-help" | "--help");
        let (target, rest) = match at {
            Some(at) => target(program, &args[at..]),
            None => (Target::None, &args[args.len()..]),
        };
        Self {
            help,
            version: early.iter().any(is_version),
            early_flags: early.iter().any(|arg| !is_version(arg) && !is_help(arg)),
            target,
            rest,
        }
    }
}

/// The longest run of words that names a command or a parent of commands, and what follows it.
fn target<'a>(program: &'a Program, args: &'a [String]) -> (Target<'a>, &'a [String]) {
    if args.first().is_some_and(|word| word == "completion") {
        return (Target::Completion, &args[1..]);
    }
    let is_word = |arg: &&String| !arg.is_empty() && !arg.starts_with('-') && !arg.contains(' ');
    let words = args.iter().take_while(is_word).count();
    for end in (1..=words).rev() {
        let path = args[..end].join(" ");
        let rest = &args[end..];
        if let Some((path, command)) = program.commands.get_key_value(path.as_str()) {
            return (Target::Command(path, command.as_ref()), rest);
        }
        if help::children(program, &path).next().is_some() {
            return (Target::Parent(path), rest);
        }
    }
    (Target::Unknown, args)
}

#[cfg(test)]
mod tests;
