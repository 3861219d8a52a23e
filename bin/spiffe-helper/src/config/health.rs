//! The block `health_checks`.

use super::{Health, keys::Keys};

const PORT: u16 = 8081;

/// The health pages, if `listener_enabled` says so.
pub(super) fn read(keys: &Keys<'_>) -> Option<Health> {
    let block = keys.section().section("health_checks")?;
    let enabled = block.bool("listener_enabled").unwrap_or(false);
    let text = |key, default: &str| {
        let text = block.string(key).filter(|text| !text.is_empty());
        text.unwrap_or_else(|| default.to_owned())
    };
    let live_path = text("liveness_path", "/live");
    let ready_path = text("readiness_path", "/ready");
    let port = block.int("bind_port").unwrap_or(0);
    block.finish_tolerant();
    if !enabled {
        return None;
    }
    if port < 0 {
        block.problem("bind_port", "bind port must be positive");
    }
    let number = u16::try_from(port).unwrap_or_else(|_| {
        if port > 0 {
            block.problem("bind_port", format!("{port} is no TCP port"));
        }
        0
    });
    if live_path == ready_path {
        let message = format!("{ready_path:?} is liveness_path, too; choose different paths");
        block.problem("readiness_path", message);
    }
    Some(Health {
        port: if number == 0 { PORT } else { number },
        live_path,
        ready_path,
    })
}
