//! `experimental.feature_flags`.

use steeple_hcl::{Kind, Section};

/// SPIRE's own flag for its tests; it changes nothing.
const NO_EFFECT: &str = "i_am_a_test_flag";

/// Flags that SPIRE knows, for features that do not exist here yet.
const PENDING: [&str; 1] = ["wit-svid"];

/// Refuses flags that are unknown, or for something that does not exist here yet.
pub fn check_feature_flags(experimental: &Section<'_>) {
    const KEY: &str = "feature_flags";
    let flags = experimental.strings(KEY).unwrap_or_default();
    let known = |flag: &str| flag == NO_EFFECT || PENDING.contains(&flag);
    let mut unknown: Vec<&str> = flags.iter().map(String::as_str).collect();
    unknown.retain(|flag| !known(flag));
    unknown.sort_unstable();
    if !unknown.is_empty() {
        let message = format!("unknown feature flag(s): [{}]", unknown.join(" "));
        experimental.tell(KEY, message, Kind::BadValue);
    }
    for flag in flags.iter().filter(|flag| PENDING.contains(&flag.as_str())) {
        let message = format!("feature flag {flag:?} is not supported yet; take it out to go on");
        experimental.tell(KEY, message, Kind::Unsupported);
    }
}
