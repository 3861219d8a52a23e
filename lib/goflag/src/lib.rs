//! Go's `flag` package over clap: `-x v`, `--x v`, `-x=v` and `--x=v` are one flag, a boolean
//! takes its value only behind `=`, and everything from the first operand on is left alone.
//!
//! clap holds the definitions, the typed values and the shell completion; this module turns
//! arguments written for Go into clap's, and clap's refusals into Go's words.
//!
//! A flag's clap `value_name` is the type word that Go prints in its usage: `string`, `int`,
//! `value`, or [`BOOL`] for a flag that may stand alone.

mod quote;
mod tokens;
mod usage;
mod value;

pub use quote::quote;
pub use tokens::Tokens;
pub use value::{boolean, duration, int, int32};

/// The `value_name` of a flag that may stand alone.
pub const BOOL: &str = "bool";

/// Why the flags of a command were not understood; the wording is that of Go's `flag` package.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum FlagError {
    /// `-h` or `-help` stood where a flag was expected.
    #[error("flag: help requested")]
    Help,
    /// Dashes without a name, or three of them.
    #[error("bad flag syntax: {0}")]
    Syntax(String),
    /// No flag has this name.
    #[error("flag provided but not defined: -{0}")]
    Unknown(String),
    /// The last argument is a flag that wants a value.
    #[error("flag needs an argument: -{0}")]
    MissingValue(String),
    /// The value of a flag is not of its type.
    #[error("invalid value {} for flag -{flag}: {why}", quote(.value))]
    Value {
        /// The flag's name without dashes.
        flag: String,
        /// What was given.
        value: String,
        /// What is wrong with it.
        why: String,
    },
    /// The value of a boolean flag is not a boolean.
    #[error("invalid boolean value {} for -{flag}: {why}", quote(.value))]
    Boolean {
        /// The flag's name without dashes.
        flag: String,
        /// What was given.
        value: String,
        /// What is wrong with it.
        why: String,
    },
    /// The definitions themselves do not fit together: a defect of this program.
    #[error("internal error while reading flags: {0}")]
    Defect(String),
}

/// The flags of one command as a typed value.
pub trait Flags: clap::Args {
    /// Rules that span several flags; run once all values are read.
    ///
    /// # Errors
    /// When the flags contradict each other.
    fn check(&self) -> Result<(), FlagError> {
        Ok(())
    }
}

/// The definitions of a command's flags under the name that its usage text shows.
pub struct FlagSet {
    name: &'static str,
    command: clap::Command,
}

impl FlagSet {
    /// An empty set. `name` is what follows "Usage of".
    pub fn new(name: &'static str) -> Self {
        let command = clap::Command::new(name)
            .no_binary_name(true)
            .disable_help_flag(true)
            .disable_version_flag(true)
            .args_override_self(true);
        Self { name, command }
    }

    /// The same set with the flags of `T` added.
    #[must_use]
    pub fn with<T: clap::Args>(mut self) -> Self {
        self.command = T::augment_args(self.command);
        self
    }

    /// Reads `args` up to the first operand.
    ///
    /// # Errors
    /// When a flag is unknown, lacks its value or has a wrong one.
    pub fn parse(&self, args: &[String]) -> Result<clap::ArgMatches, FlagError> {
        let tokens = Tokens::read(&self.command, args)?;
        value::matches(&self.command, &tokens)
    }

    /// What follows the flags: from the first word on that is none.
    ///
    /// # Errors
    /// When the flags are not understood.
    pub fn operands(&self, args: &[String]) -> Result<Vec<String>, FlagError> {
        Ok(Tokens::read(&self.command, args)?.operands)
    }

    /// The usage text in the layout of Go's `flag` package.
    pub fn usage(&self) -> String {
        self.usage_of(self.name)
    }

    /// The same under another name: Go's programs without commands show how they were called.
    pub fn usage_of(&self, name: &str) -> String {
        usage::text(name, &self.command)
    }

    /// The definitions, for shell completion.
    pub fn into_command(self) -> clap::Command {
        self.command
    }
}

/// Takes the typed value of one flag group out of what was read.
///
/// # Errors
/// When a rule of [`Flags::check`] is broken.
pub fn typed<T: Flags>(matches: &clap::ArgMatches) -> Result<T, FlagError> {
    let value =
        T::from_arg_matches(matches).map_err(|error| FlagError::Defect(error.to_string()))?;
    value.check()?;
    Ok(value)
}

#[cfg(test)]
mod tests;
