//! `experimental { }`. SPIRE ignores what it does not know in here; so do we, but say so.

use steeple_config::{Layers, check_feature_flags, pending};
use steeple_hcl::{Kind, Section};

use super::keys;
use super::pending::PENDING;

/// Settings of a cache that is not needed here, since the index is kept current by every write.
const ALWAYS_CURRENT: [&str; 5] = [
    "cache_reload_interval",
    "full_cache_reload_interval",
    "prune_events_older_than",
    "event_timeout",
    "sql_transaction_timeout",
];

/// Checks the section; true if agents get their own ID as a selector.
pub(super) fn check(server: &Section<'_>) -> bool {
    let Some(section) = server.section("experimental") else {
        return false;
    };
    if !section.is_empty() {
        server.warn(
            "experimental",
            "experimental features have been enabled; they may change or go without notice",
        );
    }
    pending::refuse(&section, PENDING);
    check_feature_flags(&section);
    check_cache(&section);
    keys::key_type(&Layers::new(&section), "wit_key_type");
    section.string("wit_issuer");
    check_pipe(&section);
    let as_selector = section.bool("agent_spiffe_id_as_selector").unwrap_or(false);
    section.finish_tolerant();
    as_selector
}

fn check_cache(section: &Section<'_>) {
    let no_effect = "no effect here: the index of entries is always current";
    if section.bool("events_based_cache") == Some(true) {
        section.warn("events_based_cache", no_effect);
    }
    for key in ALWAYS_CURRENT {
        if section.duration(key).is_some() {
            section.warn(key, no_effect);
        }
    }
    if section.has("event_timeout") && section.has("sql_transaction_timeout") {
        let message = "both experimental sql_transaction_timeout and event_timeout set, \
                       only set event_timeout";
        section.tell("sql_transaction_timeout", message, Kind::BadValue);
    }
}

fn check_pipe(section: &Section<'_>) {
    let name = section.string("named_pipe_name").unwrap_or_default();
    if !name.is_empty() {
        let message = "invalid configuration: named_pipe_name is not supported in this platform; \
                       please use socket_path instead";
        section.tell("named_pipe_name", message, Kind::BadValue);
    }
}
