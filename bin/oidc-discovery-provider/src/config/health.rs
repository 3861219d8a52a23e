//! `health_checks { }`.

use steeple_hcl::Section;

use super::text;
use crate::listeners::ListenAddress;

const PORT: u16 = 8008;

/// Where health is told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct HealthConfig {
    /// Where to listen: all interfaces.
    pub(crate) address: ListenAddress,
    /// The readiness page's path.
    pub(crate) ready_path: String,
    /// The liveness page's path.
    pub(crate) live_path: String,
}

pub(super) fn read(root: &Section<'_>) -> Option<HealthConfig> {
    let section = root.section("health_checks")?;
    let port = match section.int("bind_port") {
        None | Some(..=0) => PORT,
        Some(port) => u16::try_from(port).unwrap_or_else(|_| {
            section.problem("bind_port", format!("{port} is not a port; use 1 to 65535"));
            PORT
        }),
    };
    let path = |key, usual: &str| {
        let path = text(&section, key).unwrap_or_else(|| usual.to_owned());
        if !path.starts_with('/') {
            section.problem(key, format!("{path:?} does not begin with a slash"));
        }
        path
    };
    let health = HealthConfig {
        address: ListenAddress::everywhere(port),
        ready_path: path("ready_path", "/ready"),
        live_path: path("live_path", "/live"),
    };
    if health.ready_path == health.live_path {
        section.problem("live_path", "it must differ from ready_path");
    }
    section.finish();
    Some(health)
}
