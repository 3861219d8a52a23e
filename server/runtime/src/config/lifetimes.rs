//! How long things live.

use std::time::Duration;

use steeple_hcl::{Section, duration};

const HOUR: Duration = Duration::from_secs(3600);
const DEFAULT_CA_TTL: Duration = HOUR.saturating_mul(24);
const DEFAULT_X509_SVID_TTL: Duration = HOUR;
const DEFAULT_JWT_SVID_TTL: Duration = Duration::from_secs(300);

/// A new CA takes over when a sixth of the old one's lifetime is left, at most a week before.
const CA_OVERLAP: u32 = 6;
const CA_OVERLAP_MAX: Duration = HOUR.saturating_mul(24 * 7);

/// The server's lifetimes.
pub(super) struct Lifetimes {
    pub(super) ca_ttl: Duration,
    pub(super) agent_ttl: Option<Duration>,
    pub(super) default_x509_svid_ttl: Duration,
    pub(super) default_jwt_svid_ttl: Duration,
}

/// Reads them, and warns where SVIDs may be cut short by the end of the CA.
pub(super) fn read(server: &Section<'_>) -> Lifetimes {
    let positive = |key| {
        let ttl: Duration = server.duration(key)?;
        if ttl.is_zero() {
            server.problem(key, "must be more than zero");
            return None;
        }
        Some(ttl)
    };
    let lifetimes = Lifetimes {
        ca_ttl: positive("ca_ttl").unwrap_or(DEFAULT_CA_TTL),
        agent_ttl: positive("agent_ttl"),
        default_x509_svid_ttl: positive("default_x509_svid_ttl").unwrap_or(DEFAULT_X509_SVID_TTL),
        default_jwt_svid_ttl: positive("default_jwt_svid_ttl").unwrap_or(DEFAULT_JWT_SVID_TTL),
    };
    let ca_ttl = lifetimes.ca_ttl;
    warn_if_cut(
        server,
        "default_x509_svid_ttl",
        lifetimes.default_x509_svid_ttl,
        ca_ttl,
    );
    warn_if_cut(
        server,
        "default_jwt_svid_ttl",
        lifetimes.default_jwt_svid_ttl,
        ca_ttl,
    );
    if let Some(agent_ttl) = lifetimes.agent_ttl {
        warn_if_cut(server, "agent_ttl", agent_ttl, ca_ttl);
    }
    lifetimes
}

fn warn_if_cut(server: &Section<'_>, key: &str, ttl: Duration, ca_ttl: Duration) {
    let sure = (ca_ttl / CA_OVERLAP).min(CA_OVERLAP_MAX);
    if ttl <= sure {
        return;
    }
    let advice = if ttl <= CA_OVERLAP_MAX {
        format!(", or ca_ttl to {} or more", short(ttl * CA_OVERLAP))
    } else if ca_ttl < CA_OVERLAP_MAX * CA_OVERLAP {
        format!(
            "; with ca_ttl at {} or more up to {} is possible",
            short(CA_OVERLAP_MAX * CA_OVERLAP),
            short(CA_OVERLAP_MAX)
        )
    } else {
        String::new()
    };
    let message = format!(
        "{} is too high for a ca_ttl of {}: SVIDs with shorter lifetimes may be issued when the CA \
         rotates. Set {key} to {} or less{advice}",
        short(ttl),
        short(ca_ttl),
        short(sure)
    );
    server.warn(key, message);
}

/// A duration in whole seconds, without the zeros at its end: `4h` for `4h0m0s`.
fn short(duration: Duration) -> String {
    let text = duration::format(Duration::from_secs(duration.as_secs()));
    let text = match text.strip_suffix("m0s") {
        Some(rest) => format!("{rest}m"),
        None => text,
    };
    match text.strip_suffix("h0m") {
        Some(rest) => format!("{rest}h"),
        None => text,
    }
}
