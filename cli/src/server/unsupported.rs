//! SPIRE's commands that are not there yet: known by name, so that help lists them and a script
//! that calls one learns why it failed.

use crate::{command::NotYet, program::Program};

/// Path, whole command and synopsis of each.
const COMMANDS: &[(&str, &str, &str)] = &[
    (
        "agent purge",
        "spire-server agent purge",
        "Purge expired agents that were attested using a non-TOFU security model based on a given time",
    ),
    ("bundle count", "spire-server bundle count", "Count bundles"),
    (
        "bundle delete",
        "spire-server bundle delete",
        "Deletes federated bundle data",
    ),
    (
        "bundle list",
        "spire-server bundle list",
        "Lists federated bundle data",
    ),
    (
        "bundle set",
        "spire-server bundle set",
        "Creates or updates federated bundle data",
    ),
    (
        "debug getinfo",
        "spire-server debug getinfo",
        "Prints debug information about the server",
    ),
    (
        "federation create",
        "spire-server federation create",
        "Creates a dynamic federation relationship with a foreign trust domain",
    ),
    (
        "federation delete",
        "spire-server federation delete",
        "Deletes a dynamic federation relationship",
    ),
    (
        "federation list",
        "spire-server federation list",
        "Lists all dynamic federation relationships",
    ),
    (
        "federation refresh",
        "spire-server federation refresh",
        "Refreshes the bundle from the specified federated trust domain",
    ),
    (
        "federation show",
        "spire-server federation show",
        "Shows a dynamic federation relationship",
    ),
    (
        "federation update",
        "spire-server federation update",
        "Updates a dynamic federation relationship with a foreign trust domain",
    ),
    ("jwt mint", "spire-server jwt mint", "Mints a JWT-SVID"),
    (
        "localauthority jwt activate",
        "spire-server localauthority jwt activate",
        "Activates a prepared JWT authority for use, which will cause it to be used for all JWT signing operations serviced by this server going forward",
    ),
    (
        "localauthority jwt prepare",
        "spire-server localauthority jwt prepare",
        "Prepares a new JWT authority for use by generating a new key and injecting it into the bundle",
    ),
    (
        "localauthority jwt revoke",
        "spire-server localauthority jwt revoke",
        "Revokes the previously active JWT authority by removing it from the bundle and propagating this update throughout the cluster",
    ),
    (
        "localauthority jwt show",
        "spire-server localauthority jwt show",
        "Shows the local JWT authorities",
    ),
    (
        "localauthority jwt taint",
        "spire-server localauthority jwt taint",
        "Marks the previously active JWT authority as being tainted",
    ),
    (
        "localauthority x509 activate",
        "spire-server localauthority x509 activate",
        "Activates a prepared X.509 authority for use, which will cause it to be used for all X.509 signing operations serviced by this server going forward",
    ),
    (
        "localauthority x509 prepare",
        "spire-server localauthority x509 prepare",
        "Prepares a new X.509 authority for use by generating a new key and injecting the resulting CA certificate into the bundle",
    ),
    (
        "localauthority x509 revoke",
        "spire-server localauthority x509 revoke",
        "Revokes the previously active X.509 authority by removing it from the bundle and propagating this update throughout the cluster",
    ),
    (
        "localauthority x509 show",
        "spire-server localauthority x509 show",
        "Shows the local X.509 authorities",
    ),
    (
        "localauthority x509 taint",
        "spire-server localauthority x509 taint",
        "Marks the previously active X.509 authority as being tainted",
    ),
    (
        "logger get",
        "spire-server logger get",
        "Gets the logger details",
    ),
    (
        "logger reset",
        "spire-server logger reset",
        "Reset the logger details to launch level",
    ),
    (
        "logger set",
        "spire-server logger set",
        "Sets the logger details",
    ),
    (
        "upstreamauthority revoke",
        "spire-server upstreamauthority revoke",
        "Revokes the previously active X.509 upstream authority by removing it from the bundle and propagating this update throughout the cluster",
    ),
    (
        "upstreamauthority taint",
        "spire-server upstreamauthority taint",
        "Marks the provided X.509 upstream authority as being tainted",
    ),
    ("x509 mint", "spire-server x509 mint", "Mints an X509-SVID"),
];

/// Adds them all.
pub(crate) fn add_to(program: Program) -> Program {
    COMMANDS
        .iter()
        .fold(program, |program, &(path, command, synopsis)| {
            program.with(path, NotYet { command, synopsis })
        })
}
