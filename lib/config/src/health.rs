//! `health_checks { }`.

use steeple_hcl::Section;
use steeple_lifecycle::health::HealthConfig;

/// Reads the section of the whole document; none if the listener is not enabled.
pub fn read(root: &Section<'_>) -> Option<HealthConfig> {
    let section = root.section("health_checks")?;
    let text = |key, default: &str| match section.string(key) {
        Some(text) if !text.is_empty() => text,
        _ => default.to_owned(),
    };
    let enabled = section.bool("listener_enabled").unwrap_or(false);
    let host = text("bind_address", "localhost");
    let port = text("bind_port", "80");
    let ready_path = path(&section, "ready_path", text("ready_path", "/ready"));
    let live_path = path(&section, "live_path", text("live_path", "/live"));
    if port.parse::<u16>().is_err() {
        section.problem(
            "bind_port",
            format!("{port:?} is not a port; use 1 to 65535"),
        );
    }
    section.finish();
    enabled.then(|| HealthConfig {
        address: join_host_port(host.trim_matches(['[', ']']), &port),
        ready_path,
        live_path,
    })
}

fn path(section: &Section<'_>, key: &str, path: String) -> String {
    if !path.starts_with('/') {
        section.problem(key, format!("{path:?} does not begin with a slash"));
    }
    path
}

fn join_host_port(host: &str, port: &str) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}
