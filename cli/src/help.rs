//! Help texts in the layout that SPIRE's users know.

use std::{collections::BTreeMap, fmt::Write as _};

use crate::{command::Command, program::Program};

/// The immediate children of `path` (all top words for an empty one) with their synopsis, which
/// is empty for a parent.
pub(crate) fn children<'a>(
    program: &'a Program,
    path: &str,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    let prefix = if path.is_empty() {
        String::new()
    } else {
        format!("{path} ")
    };
    let mut found: BTreeMap<&str, &str> = BTreeMap::new();
    for (known, command) in &program.commands {
        let Some(rest) = known.strip_prefix(prefix.as_str()) else {
            continue;
        };
        match rest.split_once(' ') {
            Some((child, _)) => {
                found.entry(child).or_default();
            }
            None => {
                found.insert(rest, command.synopsis());
            }
        }
    }
    found.into_iter()
}

/// The program's own help.
pub(crate) fn program(program: &Program) -> String {
    let mut out = format!(
        "Usage: {} [--version] [--help] <command> [<args>]\n\nAvailable commands are:\n",
        program.name
    );
    list(&mut out, program, "");
    out
}

/// Help of a word that only holds commands.
pub(crate) fn parent(program: &Program, path: &str) -> String {
    let mut out = "This command is accessed by using one of the subcommands below.".to_owned();
    subcommands(&mut out, program, path);
    out
}

/// Usage of a command, and the commands below it if there are any.
pub(crate) fn command(program: &Program, path: &str, command: &dyn Command) -> String {
    let mut out = command.usage().trim_end().to_owned();
    subcommands(&mut out, program, path);
    out
}

fn subcommands(out: &mut String, program: &Program, path: &str) {
    if children(program, path).next().is_some() {
        out.push_str("\n\nSubcommands:\n");
        list(out, program, path);
        out.truncate(out.trim_end_matches('\n').len());
    }
}

fn list(out: &mut String, program: &Program, path: &str) {
    let width = children(program, path)
        .map(|(child, _)| child.len())
        .max()
        .unwrap_or_default();
    for (child, synopsis) in children(program, path) {
        // Writing to a String cannot fail.
        let _written = writeln!(out, "    {child:width$}    {synopsis}");
    }
}
