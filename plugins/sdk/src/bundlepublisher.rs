//! BundlePublisher: puts the own bundle where others find it without asking the server.

use async_trait::async_trait;
use steeple_spiffe::Bundle;

use crate::PluginError;

/// A place outside that is to hold the own bundle.
///
/// The server remembers what it had published: it calls again after a change and after a failure,
/// so an implementation keeps no bundle of its own.
///
/// Obligations, checked by the conformance suite: publishing replaces what was there, and
/// publishing the same bundle again succeeds, since after a restart the server starts anew.
#[async_trait]
pub trait BundlePublisher: Send + Sync {
    /// Publishes `bundle` in place of what was published before.
    ///
    /// # Errors
    /// [`PluginError::InvalidArgument`] when this very bundle cannot be published there: it is not
    /// tried again until the bundle changes. Everything else is tried again.
    async fn publish(&self, bundle: &Bundle) -> Result<(), PluginError>;
}
