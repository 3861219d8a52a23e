//! Plugins for AWS. The AWS SDK stays in this crate.
//!
//! Credentials, retries and endpoints are the SDK's: what its other users set in the environment,
//! in profiles or by a role is followed here, too.

pub mod bundlepublisher;
pub mod upstreamauthority;

mod access;
#[cfg(test)]
mod double;
mod failure;

use steeple_plugin_sdk::builtin::{BuiltIns, Descriptor};

/// The plugins here, for `plugins/host`.
pub fn builtins() -> BuiltIns {
    BuiltIns {
        upstream_authorities: vec![Descriptor {
            name: upstreamauthority::awssecret::NAME,
            configure: upstreamauthority::awssecret::configure,
        }],
        bundle_publishers: vec![
            Descriptor {
                name: bundlepublisher::rolesanywhere::NAME,
                configure: bundlepublisher::rolesanywhere::configure,
            },
            Descriptor {
                name: bundlepublisher::s3::NAME,
                configure: bundlepublisher::s3::configure,
            },
        ],
        ..BuiltIns::default()
    }
}
