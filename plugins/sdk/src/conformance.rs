//! Conformance: what every implementation of a kind must keep to. An implementation's tests call
//! these with one of its own; a broken obligation panics with what was expected.

#![expect(clippy::expect_used, reason = "assertions for tests, behind a feature")]

mod bundlepublisher;
mod keymanager;
mod upstreamauthority;

pub use bundlepublisher::bundle_publisher;
pub use keymanager::{Verify, key_manager};
pub use upstreamauthority::upstream_authority;
