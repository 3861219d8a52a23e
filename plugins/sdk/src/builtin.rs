//! How a platform's crate says which plugins it has: one [`Descriptor`] a plugin, listed by kind
//! in [`BuiltIns`].
//!
//! Configuring goes in two steps. [`Descriptor::configure`] reads `plugin_data` and reports every
//! mistake; it touches neither disk nor network, so `validate` runs it too and drops the result.
//! [`Configured::start`] does the rest and returns the plugin.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use crate::{
    PluginError,
    bundlepublisher::BundlePublisher,
    config::{CoreConfig, PluginData},
    keymanager::KeyManager,
    nodeattestor::{AgentNodeAttestor, ServerNodeAttestor},
    upstreamauthority::UpstreamAuthority,
    workloadattestor::WorkloadAttestor,
};

type Start<K> = Pin<Box<dyn Future<Output = Result<Arc<K>, PluginError>> + Send>>;

/// A plugin whose configuration has been read, and that has not done anything yet.
#[must_use = "a configured plugin does nothing until it is started"]
pub struct Configured<K: ?Sized>(Start<K>);

impl<K: ?Sized> Configured<K> {
    /// A plugin that opens files or connections when it starts.
    pub fn new(start: impl Future<Output = Result<Arc<K>, PluginError>> + Send + 'static) -> Self {
        Self(Box::pin(start))
    }

    /// A plugin that is ready as it is.
    pub fn ready(plugin: Arc<K>) -> Self
    where
        K: Send + Sync + 'static,
    {
        Self::new(async move { Ok(plugin) })
    }

    /// Starts the plugin.
    ///
    /// # Errors
    /// When a file, key or service it is configured with cannot be used; the text says which.
    pub async fn start(self) -> Result<Arc<K>, PluginError> {
        self.0.await
    }
}

impl<K: ?Sized> fmt::Debug for Configured<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Configured")
    }
}

/// Reads a plugin's configuration. `None` when a mistake was reported; asking for keys makes them
/// known, and the caller finishes the section.
pub type Configure<K> = fn(&CoreConfig, &PluginData<'_>) -> Option<Configured<K>>;

/// A built-in plugin of the kind `K`.
pub struct Descriptor<K: ?Sized> {
    /// The name in the configuration file.
    pub name: &'static str,
    /// Reads its configuration.
    pub configure: Configure<K>,
}

impl<K: ?Sized> fmt::Debug for Descriptor<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Descriptor")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl<K: ?Sized> Clone for Descriptor<K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K: ?Sized> Copy for Descriptor<K> {}

/// The plugins of one crate, or of all of them together.
#[derive(Clone, Debug, Default)]
pub struct BuiltIns {
    /// The server's KeyManagers.
    pub server_key_managers: Vec<Descriptor<dyn KeyManager>>,
    /// The agent's KeyManagers: same trait, other keys in the configuration.
    pub agent_key_managers: Vec<Descriptor<dyn KeyManager>>,
    /// UpstreamAuthorities.
    pub upstream_authorities: Vec<Descriptor<dyn UpstreamAuthority>>,
    /// BundlePublishers.
    pub bundle_publishers: Vec<Descriptor<dyn BundlePublisher>>,
    /// The server's halves of NodeAttestors.
    pub server_node_attestors: Vec<Descriptor<dyn ServerNodeAttestor>>,
    /// The agent's halves of NodeAttestors.
    pub agent_node_attestors: Vec<Descriptor<dyn AgentNodeAttestor>>,
    /// WorkloadAttestors.
    pub workload_attestors: Vec<Descriptor<dyn WorkloadAttestor>>,
}

impl BuiltIns {
    /// Adds the plugins of another crate.
    pub fn merge(mut self, other: Self) -> Self {
        self.server_key_managers.extend(other.server_key_managers);
        self.agent_key_managers.extend(other.agent_key_managers);
        self.upstream_authorities.extend(other.upstream_authorities);
        self.bundle_publishers.extend(other.bundle_publishers);
        self.server_node_attestors
            .extend(other.server_node_attestors);
        self.agent_node_attestors.extend(other.agent_node_attestors);
        self.workload_attestors.extend(other.workload_attestors);
        self
    }
}
