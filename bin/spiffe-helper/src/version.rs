//! What `-version` prints.

/// The release of spiffe-helper whose configuration and command line this one understands.
const RELEASE: &str = "0.11.0";

/// That release, then ours as build metadata: scripts that compare versions see the first.
pub(crate) fn version() -> String {
    format!("{RELEASE}+steeple.{}", env!("CARGO_PKG_VERSION"))
}
