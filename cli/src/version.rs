//! What `-version` prints.

/// The release of SPIRE whose commands, configuration and database these programs understand.
pub const SPIRE_RELEASE: &str = "1.15.3";

/// A semantic version: SPIRE's release, then ours as build metadata, so that a script that
/// compares versions sees what it must not exceed.
pub fn version() -> String {
    format!("{SPIRE_RELEASE}+steeple.{}", env!("CARGO_PKG_VERSION"))
}
