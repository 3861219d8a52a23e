//! `experimental { }`. SPIRE ignores what it does not know in here; so do we, but say so.

use std::time::Duration;

use steeple_config::{check_feature_flags, pending};
use steeple_hcl::{Kind, Section, duration};

use super::pending::PENDING;

const HIT_TIMEOUT_MIN: Duration = Duration::from_secs(5);
const HIT_TIMEOUT_END: Duration = Duration::from_secs(30);

/// What the section says.
pub(super) struct Experimental {
    pub(super) sync_interval: Option<Duration>,
    pub(super) use_sync_authorized_entries: bool,
    pub(super) jwt_svid_cache_hit_timeout: Option<Duration>,
}

/// Reads the section of the agent's.
pub(super) fn read(agent: &Section<'_>) -> Experimental {
    let Some(section) = agent.section("experimental") else {
        return Experimental {
            sync_interval: None,
            use_sync_authorized_entries: true,
            jwt_svid_cache_hit_timeout: None,
        };
    };
    if !section.is_empty() {
        agent.warn(
            "experimental",
            "experimental features have been enabled; they may change or go without notice",
        );
    }
    pending::refuse(&section, PENDING);
    check_feature_flags(&section);
    check_pipes(&section);
    if let Some(limits) = section.section("ratelimit") {
        pending::refuse(&limits, PENDING);
        limits.finish();
    }
    let use_sync = section.bool("use_sync_authorized_entries");
    if use_sync.is_some() {
        section.warn("use_sync_authorized_entries", "deprecated; leave it out");
    }
    let experimental = Experimental {
        sync_interval: sync_interval(&section),
        use_sync_authorized_entries: use_sync.unwrap_or(true),
        jwt_svid_cache_hit_timeout: hit_timeout(&section),
    };
    section.finish_tolerant();
    experimental
}

fn sync_interval(section: &Section<'_>) -> Option<Duration> {
    let interval = section.duration("sync_interval")?;
    // SPIRE, too, takes zero for its usual interval.
    (!interval.is_zero()).then_some(interval)
}

fn hit_timeout(section: &Section<'_>) -> Option<Duration> {
    let key = "jwt_svid_cache_hit_timeout";
    let timeout = section.duration(key)?;
    let shown = duration::format(timeout);
    if timeout < HIT_TIMEOUT_MIN {
        let least = duration::format(HIT_TIMEOUT_MIN);
        let message = format!("{key} ({shown}) must be greater than {least}");
        section.tell(key, message, Kind::BadValue);
        return None;
    }
    if timeout >= HIT_TIMEOUT_END {
        let end = duration::format(HIT_TIMEOUT_END);
        let message = format!("{key} ({shown}) must be less than {end}");
        section.tell(key, message, Kind::BadValue);
        return None;
    }
    Some(timeout)
}

fn check_pipes(section: &Section<'_>) {
    for (key, instead) in [
        ("named_pipe_name", "socket_path"),
        ("admin_named_pipe_name", "admin_socket_path"),
    ] {
        let name = section.string(key).unwrap_or_default();
        if !name.is_empty() {
            let message = format!(
                "invalid configuration: {key} is not supported in this platform; \
                 please use {instead} instead"
            );
            section.tell(key, message, Kind::BadValue);
        }
    }
}
