//! The values of flags, read as Go reads them.

use std::error::Error as _;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use steeple_hcl::duration::{self, DurationError, GoDuration};

use super::{BOOL, FlagError, Tokens};

/// Go's reading of an `int` flag: decimal, or `0x`, `0o`, `0b` and underscores.
pub fn int(text: &str) -> Result<i64, String> {
    let (negative, rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let (digits, radix, prefixed) = radix(rest);
    if !underscores_fit(digits, prefixed) {
        return Err("parse error".into());
    }
    let digits: String = digits.chars().filter(|&c| c != '_').collect();
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return Err("parse error".into());
    }
    let magnitude =
        i128::from_str_radix(&digits, radix).map_err(|_| "value out of range".to_owned())?;
    let value = if negative { -magnitude } else { magnitude };
    i64::try_from(value).map_err(|_| "value out of range".to_owned())
}

fn radix(text: &str) -> (&str, u32, bool) {
    let lower = text.get(..2).unwrap_or_default().to_ascii_lowercase();
    match lower.as_str() {
        "0x" => (&text[2..], 16, true),
        "0o" => (&text[2..], 8, true),
        "0b" => (&text[2..], 2, true),
        _ if text.len() > 1 && text.starts_with('0') => (&text[1..], 8, true),
        _ => (text, 10, false),
    }
}

/// Underscores may only stand between digits, or between a base prefix and a digit.
fn underscores_fit(digits: &str, prefixed: bool) -> bool {
    (prefixed || !digits.starts_with('_')) && !digits.ends_with('_') && !digits.contains("__")
}

/// Narrows a flag's value to what the wire holds.
pub fn int32(value: i64, what: &str) -> Result<i32, String> {
    i32::try_from(value).map_err(|_| {
        format!("invalid value for {what}: {value} does not fit into a signed 32-bit number")
    })
}

/// Go's reading of a boolean.
pub fn boolean(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err("parse error".into()),
    }
}

/// Go's reading of a duration.
pub fn duration(text: &str) -> Result<GoDuration, DurationError> {
    duration::parse(text)
}

/// Hands the tokens to clap.
pub(super) fn matches(
    command: &clap::Command,
    tokens: &Tokens,
) -> Result<clap::ArgMatches, FlagError> {
    let words = tokens
        .flags
        .iter()
        .map(|(name, value)| format!("--{name}={value}"));
    command
        .clone()
        .try_get_matches_from(words)
        .map_err(|error| refusal(command, &error))
}

fn refusal(command: &clap::Command, error: &clap::Error) -> FlagError {
    if error.kind() != ErrorKind::ValueValidation {
        return FlagError::Defect(error.to_string());
    }
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        _ => String::new(),
    };
    let argument = text(ContextKind::InvalidArg);
    let flag = argument
        .trim_start_matches('-')
        .split(' ')
        .next()
        .unwrap_or_default()
        .to_owned();
    let value = text(ContextKind::InvalidValue);
    let why = error.source().map(ToString::to_string).unwrap_or_default();
    if is_boolean(command, &flag) {
        return FlagError::Boolean { flag, value, why };
    }
    FlagError::Value { flag, value, why }
}

fn is_boolean(command: &clap::Command, flag: &str) -> bool {
    command
        .get_arguments()
        .filter(|arg| arg.get_long() == Some(flag))
        .filter_map(|arg| arg.get_value_names())
        .any(|names| names.iter().any(|name| name.as_str() == BOOL))
}
