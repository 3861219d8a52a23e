//! Keys that are known, for features that do not exist here yet. `rebootstrap_mode` and the names
//! in `sds` have checks of their own; everything else is in this one table.

use steeple_config::pending::{Harmless, Pending};

const AGENT: &str = "agent";
const EXPERIMENTAL: &str = "agent.experimental";
const RATE_LIMIT: &str = "agent.experimental.ratelimit";

const ADMIN_API: &str = "the admin API";
const RATE_LIMITS: &str = "rate limits of the Workload API";

/// Refused by name, unless the value asks for nothing.
pub(super) const PENDING: &[Pending] = &[
    row(AGENT, "admin_socket_path", ADMIN_API, Harmless::Text(&[])),
    row(
        AGENT,
        "authorized_delegates",
        "the Delegated Identity API",
        Harmless::EmptyList,
    ),
    row(
        AGENT,
        "log_selectors",
        "selectors in the log",
        Harmless::EmptyList,
    ),
    row(
        AGENT,
        "availability_target",
        "rotation by availability",
        Harmless::Text(&[]),
    ),
    row(
        AGENT,
        "allowed_foreign_jwt_claims",
        "foreign claims in JWT-SVIDs",
        Harmless::EmptyList,
    ),
    row(
        AGENT,
        "trust_bundle_spiffe_workload_api",
        "a bundle from another Workload API",
        Harmless::Text(&[]),
    ),
    row(AGENT, "profiling_enabled", "profiling", Harmless::False),
    row(
        "agent.sds",
        "disable_spiffe_cert_validation",
        "Envoy's SDS",
        Harmless::False,
    ),
    row(EXPERIMENTAL, "broker", "the Broker API", Harmless::Nothing),
    row(
        EXPERIMENTAL,
        "require_pq_kem",
        "refusing peers without a post-quantum key exchange",
        Harmless::False,
    ),
    row(RATE_LIMIT, "fetch_x509_svid", RATE_LIMITS, Harmless::Zero),
    row(RATE_LIMIT, "fetch_jwt_svid", RATE_LIMITS, Harmless::Zero),
    row(
        RATE_LIMIT,
        "fetch_x509_bundles",
        RATE_LIMITS,
        Harmless::Zero,
    ),
    row(RATE_LIMIT, "fetch_jwt_bundles", RATE_LIMITS, Harmless::Zero),
    row(RATE_LIMIT, "stream_secrets", RATE_LIMITS, Harmless::Zero),
    row(RATE_LIMIT, "fetch_secrets", RATE_LIMITS, Harmless::Zero),
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
