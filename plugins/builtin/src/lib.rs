//! Plugins that need nothing but the operating system.

pub mod keymanager;
pub mod unix;
pub mod upstreamauthority;

use std::sync::Arc;

use steeple_plugin_sdk::builtin::{BuiltIns, Configured, Descriptor};

/// The plugins here, for `plugins/host`.
pub fn builtins() -> BuiltIns {
    BuiltIns {
        server_key_managers: vec![
            Descriptor {
                name: "disk",
                configure: keymanager::disk::configure_for_server,
            },
            Descriptor {
                name: "memory",
                configure: keymanager::memory::configure,
            },
        ],
        agent_key_managers: vec![
            Descriptor {
                name: "disk",
                configure: keymanager::disk::configure_for_agent,
            },
            Descriptor {
                name: "memory",
                configure: keymanager::memory::configure,
            },
        ],
        upstream_authorities: vec![Descriptor {
            name: "disk",
            configure: upstreamauthority::disk::configure,
        }],
        workload_attestors: vec![Descriptor {
            name: unix::NAME,
            configure: |_, data| {
                let attestor = unix::UnixAttestor::configure(data)?;
                Some(Configured::ready(Arc::new(attestor)))
            },
        }],
        ..BuiltIns::default()
    }
}
