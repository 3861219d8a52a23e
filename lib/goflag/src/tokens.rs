//! From words on the command line to pairs of flag and value.

use super::{BOOL, FlagError};

/// What the words say, before the values are looked at.
#[derive(Debug, Default, Eq, PartialEq)]
pub struct Tokens {
    /// Flags and values in the order given; names are known ones.
    pub(super) flags: Vec<(String, String)>,
    /// What follows the flags.
    pub(super) operands: Vec<String>,
}

impl Tokens {
    /// Splits `args` into flags and values and stops at the first operand.
    ///
    /// # Errors
    /// When a word is no flag, an unknown one, or lacks its value.
    pub fn read(command: &clap::Command, args: &[String]) -> Result<Self, FlagError> {
        let mut tokens = Self::default();
        let mut words = args.iter();
        while let Some(word) = words.next() {
            let Some(body) = flag_body(word)? else {
                tokens.operands.extend((word != "--").then(|| word.clone()));
                tokens.operands.extend(words.cloned());
                break;
            };
            let (name, value) = match body.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (body, None),
            };
            let Some(takes_value) = takes_value(command, name) else {
                return Err(unknown(name));
            };
            let value = match value {
                Some(value) => value,
                None if !takes_value => "true".to_owned(),
                None => words
                    .next()
                    .cloned()
                    .ok_or_else(|| FlagError::MissingValue(name.to_owned()))?,
            };
            tokens.flags.push((name.to_owned(), value));
        }
        Ok(tokens)
    }
}

/// The word without its dashes; nothing when the word ends the flags.
fn flag_body(word: &str) -> Result<Option<&str>, FlagError> {
    if word.len() < 2 || !word.starts_with('-') || word == "--" {
        return Ok(None);
    }
    let body = word
        .strip_prefix("--")
        .or_else(|| word.strip_prefix('-'))
        .unwrap_or(word);
    if body.is_empty() || body.starts_with(['-', '=']) {
        return Err(FlagError::Syntax(word.to_owned()));
    }
    Ok(Some(body))
}

/// Whether the flag of that name must be followed by a value; nothing when there is none.
fn takes_value(command: &clap::Command, name: &str) -> Option<bool> {
    let arg = command
        .get_arguments()
        .find(|arg| arg.get_long() == Some(name))?;
    let word = arg.get_value_names().and_then(<[_]>::first);
    Some(word.is_none_or(|word| word.as_str() != BOOL))
}

fn unknown(name: &str) -> FlagError {
    match name {
        "h" | "help" => FlagError::Help,
        _ => FlagError::Unknown(name.to_owned()),
    }
}
