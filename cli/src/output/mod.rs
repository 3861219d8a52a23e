//! Results as a person or a program wants them.

mod json;
mod proto;
mod time;

use std::io;

use clap::ArgAction;
use serde_json::Value;

use crate::{
    env::Env,
    goflag::{FlagError, Flags},
};
pub(crate) use json::{Escape, encode};
pub(crate) use proto::Message;
pub(crate) use time::{local, utc};

/// Why a result could not be shown.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// A message and its description disagree: a defect of this program.
    #[error("internal error: {message} cannot be written as JSON: {why}; please report this")]
    Defect {
        /// The message's full name.
        message: &'static str,
        /// What the encoder says.
        why: String,
    },
    /// Standard output does not take it.
    #[error("could not print the result: {0}")]
    Stdout(#[from] io::Error),
}

/// For whom a result is printed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Format {
    /// For people.
    Pretty,
    /// For programs.
    Json,
}

impl Format {
    const fn name(self) -> &'static str {
        match self {
            Self::Pretty => "pretty",
            Self::Json => "json",
        }
    }
}

fn format(text: &str) -> Result<Format, String> {
    match text.to_lowercase().as_str() {
        "json" => Ok(Format::Json),
        "pretty" | "prettyprint" => Ok(Format::Pretty),
        _ => Err(format!(
            "bad formatter flag: unknown format option: {}",
            crate::goflag::quote(text)
        )),
    }
}

/// The `-output` flag.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct OutputFlag {
    #[arg(
        long = "output",
        value_name = "value",
        value_parser = format,
        action = ArgAction::Append,
        help = "Desired output format (pretty, json); default: pretty."
    )]
    output: Vec<Format>,
}

impl Flags for OutputFlag {
    fn check(&self) -> Result<(), FlagError> {
        agreed("output", &self.output).map(|_| ())
    }
}

impl OutputFlag {
    /// The format asked for.
    pub(crate) fn format(&self) -> Format {
        self.output.first().copied().unwrap_or(Format::Pretty)
    }
}

/// The `-output` flag together with its old name `-format`.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct OutputOrFormatFlag {
    #[command(flatten)]
    output: OutputFlag,
    #[arg(
        long = "format",
        value_name = "value",
        value_parser = format,
        action = ArgAction::Append,
        help = "deprecated; use -output"
    )]
    format: Vec<Format>,
}

impl Flags for OutputOrFormatFlag {
    fn check(&self) -> Result<(), FlagError> {
        self.output.check()?;
        let both: Vec<Format> = self
            .output
            .output
            .iter()
            .chain(&self.format)
            .copied()
            .collect();
        agreed("format", &both).map(|_| ())
    }
}

impl OutputOrFormatFlag {
    /// The format asked for under either name.
    pub(crate) fn format(&self) -> Format {
        self.output
            .output
            .iter()
            .chain(&self.format)
            .next()
            .copied()
            .unwrap_or(Format::Pretty)
    }
}

/// Two different wishes are refused rather than one of them ignored.
fn agreed(flag: &str, wishes: &[Format]) -> Result<Format, FlagError> {
    let first = wishes.first().copied().unwrap_or(Format::Pretty);
    match wishes.iter().find(|wish| **wish != first) {
        None => Ok(first),
        Some(other) => Err(FlagError::Value {
            flag: flag.to_owned(),
            value: other.name().to_owned(),
            why: format!(
                "the output format has already been set to {}",
                crate::goflag::quote(first.name())
            ),
        }),
    }
}

/// Prints messages as one line of JSON; several become a list.
pub(crate) fn print_json(env: &mut Env, messages: &[Message]) -> Result<(), OutputError> {
    let mut values = Vec::with_capacity(messages.len());
    for message in messages {
        values.push(json::without_nulls(message.to_json()?));
    }
    let value = match <[Value; 1]>::try_from(values) {
        Ok([single]) => single,
        Err(several) => Value::Array(several),
    };
    env.print(&encode(&value, Escape::Html))?;
    Ok(())
}
