//! Keys that are known, for features that do not exist here yet. `federation` and the sinks of
//! `telemetry` have checks of their own; everything else is in this one table.

use steeple_config::pending::{Harmless, Pending};

/// Refused by name, unless the value asks for nothing.
pub(super) const PENDING: &[Pending] = &[
    row(
        "server",
        "audit_log_enabled",
        "the audit log",
        Harmless::False,
    ),
    row(
        "server",
        "proxy_protocol_trusted_cidrs",
        "the PROXY protocol",
        Harmless::EmptyList,
    ),
    row(
        "server",
        "prune_attested_nodes_expired_for",
        "pruning of attested nodes",
        Harmless::Text(&[]),
    ),
    row("server", "profiling_enabled", "profiling", Harmless::False),
    row(
        "server.experimental",
        "auth_opa_policy_engine",
        "authorization by an own policy",
        Harmless::Nothing,
    ),
    row(
        "server.experimental",
        "require_pq_kem",
        "refusing peers without a post-quantum key exchange",
        Harmless::False,
    ),
];

const fn row(
    section: &'static str,
    key: &'static str,
    what: &'static str,
    harmless: Harmless,
) -> Pending {
    Pending {
        section,
        key,
        what,
        harmless,
    }
}
