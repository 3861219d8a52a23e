//! SPIRE's commands that are not there yet, known by name.

use crate::{command::NotYet, program::Program};

/// Path, whole command and synopsis of each.
const COMMANDS: &[(&str, &str, &str)] = &[
    (
        "debug getinfo",
        "spire-agent debug getinfo",
        "Prints debug information about the agent",
    ),
    (
        "logger get",
        "spire-agent logger get",
        "Gets the logger details",
    ),
    (
        "logger reset",
        "spire-agent logger reset",
        "Reset the logger details to launch level",
    ),
    (
        "logger set",
        "spire-agent logger set",
        "Sets the logger details",
    ),
];

/// Adds them all.
pub(crate) fn add_to(program: Program) -> Program {
    COMMANDS
        .iter()
        .fold(program, |program, &(path, command, synopsis)| {
            program.with(path, NotYet { command, synopsis })
        })
}
