//! Usage text in the layout of Go's `flag` package.

use std::fmt::Write as _;

use super::{BOOL, quote};

/// All flags, sorted by name, each with its type word, help and default.
pub(super) fn text(name: &str, command: &clap::Command) -> String {
    let mut args: Vec<&clap::Arg> = command
        .get_arguments()
        .filter(|arg| arg.get_long().is_some())
        .collect();
    args.sort_by_key(|arg| arg.get_long().unwrap_or_default().to_owned());
    let mut out = format!("Usage of {name}:\n");
    for arg in args {
        flag(&mut out, arg);
    }
    out
}

fn flag(out: &mut String, arg: &clap::Arg) {
    let name = arg.get_long().unwrap_or_default();
    let word = type_word(arg);
    let spaced = if word == BOOL {
        String::new()
    } else {
        format!(" {word}")
    };
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let default = default(arg, word);
    // Writing to a String cannot fail.
    let _written = writeln!(out, "  -{name}{spaced}\n    \t{help}{default}");
}

fn type_word(arg: &clap::Arg) -> &str {
    arg.get_value_names()
        .and_then(<[_]>::first)
        .map_or("string", |word| word.as_str())
}

/// Go shows a default unless it is the type's zero value.
fn default(arg: &clap::Arg, word: &str) -> String {
    if arg.is_hide_default_value_set() {
        return String::new();
    }
    let Some(value) = arg
        .get_default_values()
        .first()
        .and_then(|value| value.to_str())
    else {
        return String::new();
    };
    match value {
        "" | "0" | "false" => String::new(),
        _ if word == "string" => format!(" (default {})", quote(value)),
        _ => format!(" (default {value})"),
    }
}
