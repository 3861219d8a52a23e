//! The server's plugins.

use std::sync::Arc;

use steeple_config::PluginConfig;
use steeple_hcl::Report;
use steeple_plugin_sdk::{
    builtin::{BuiltIns, Descriptor},
    bundlepublisher::BundlePublisher,
    config::CoreConfig,
    keymanager::KeyManager,
    nodeattestor::ServerNodeAttestor,
    upstreamauthority::UpstreamAuthority,
};

use crate::{
    plan::{Identity, Selected, StartError, StartLog, configure, intrinsic},
    rules::{
        BUNDLE_PUBLISHER, DATA_STORE, JOIN_TOKEN, KEY_MANAGER, NODE_ATTESTOR, SERVER,
        UPSTREAM_AUTHORITY,
    },
    select::check,
};

/// The server's plugins, configured but not started; all there is to `validate`.
#[derive(Debug)]
pub struct ServerPlan {
    key_manager: Selected<dyn KeyManager>,
    node_attestors: Vec<Selected<dyn ServerNodeAttestor>>,
    upstream_authority: Option<Selected<dyn UpstreamAuthority>>,
    bundle_publishers: Vec<Selected<dyn BundlePublisher>>,
    join_token: Option<Identity>,
}

/// The server's plugins, running.
pub struct ServerPlugins {
    /// Holds the CA's keys.
    pub key_manager: Arc<dyn KeyManager>,
    /// The node attestors but the join token.
    pub node_attestors: Vec<NamedNodeAttestor>,
    /// The authority above, if there is one.
    pub upstream_authority: Option<Arc<dyn UpstreamAuthority>>,
    /// The places that are to hold the own bundle, in the order of the file.
    pub bundle_publishers: Vec<NamedBundlePublisher>,
    /// Whether agents may attest by join token.
    pub join_token: bool,
}

/// A node attestor by its configured name, which is what attestation requests name.
#[derive(Clone)]
pub struct NamedNodeAttestor {
    /// The name.
    pub name: String,
    /// The plugin.
    pub attestor: Arc<dyn ServerNodeAttestor>,
}

/// A bundle publisher by its configured name, which is what its log lines say.
#[derive(Clone)]
pub struct NamedBundlePublisher {
    /// The name.
    pub name: String,
    /// The plugin.
    pub publisher: Arc<dyn BundlePublisher>,
}

/// The one enabled `DataStore` block. The store itself is made elsewhere: what is wrong with its
/// data is not checked here, its name and number are, by [`ServerPlan::new`].
pub fn data_store(configs: &[PluginConfig]) -> Option<&PluginConfig> {
    configs
        .iter()
        .find(|config| config.enabled && config.kind == DATA_STORE)
}

impl ServerPlan {
    /// Reads every plugin block; `data_stores` are the names of the stores there are. `None` when
    /// there was a mistake, which is then in `report`.
    pub fn new(
        builtins: &BuiltIns,
        data_stores: &[&'static str],
        configs: &[PluginConfig],
        core: &CoreConfig,
        report: &Report,
    ) -> Option<Self> {
        let names = |kind: &str| names(builtins, data_stores, kind);
        check(configs, SERVER, &names, report);
        let managers = &builtins.server_key_managers;
        let key_manager = configure(configs, KEY_MANAGER, managers, core, report).pop();
        let attestors = &builtins.server_node_attestors;
        let node_attestors = configure(configs, NODE_ATTESTOR, attestors, core, report);
        let upstreams = &builtins.upstream_authorities;
        let upstream_authority =
            configure(configs, UPSTREAM_AUTHORITY, upstreams, core, report).pop();
        let publishers = &builtins.bundle_publishers;
        let bundle_publishers = configure(configs, BUNDLE_PUBLISHER, publishers, core, report);
        let join_token = intrinsic(configs, NODE_ATTESTOR, JOIN_TOKEN, report);
        let key_manager = key_manager.filter(|_| report.is_empty())?;
        Some(Self {
            key_manager,
            node_attestors,
            upstream_authority,
            bundle_publishers,
            join_token,
        })
    }

    /// Starts every plugin and logs each as SPIRE does.
    ///
    /// # Errors
    /// The first plugin that could not start.
    pub async fn start(self) -> Result<ServerPlugins, StartError> {
        let mut log = StartLog::default();
        let key_manager = self.key_manager.start(&mut log).await?;
        let mut node_attestors = Vec::new();
        for selected in self.node_attestors {
            let name = selected.identity.name.clone();
            let attestor = selected.start(&mut log).await?;
            node_attestors.push(NamedNodeAttestor { name, attestor });
        }
        let upstream_authority = match self.upstream_authority {
            Some(selected) => Some(selected.start(&mut log).await?),
            None => None,
        };
        let mut bundle_publishers = Vec::new();
        for selected in self.bundle_publishers {
            let name = selected.identity.name.clone();
            let publisher = selected.start(&mut log).await?;
            bundle_publishers.push(NamedBundlePublisher { name, publisher });
        }
        let join_token = self.join_token.is_some();
        self.join_token
            .into_iter()
            .for_each(|identity| log.started(identity));
        log.write();
        Ok(ServerPlugins {
            key_manager,
            node_attestors,
            upstream_authority,
            bundle_publishers,
            join_token,
        })
    }
}

fn names(builtins: &BuiltIns, data_stores: &[&'static str], kind: &str) -> Vec<&'static str> {
    fn of<K: ?Sized>(descriptors: &[Descriptor<K>]) -> Vec<&'static str> {
        descriptors
            .iter()
            .map(|descriptor| descriptor.name)
            .collect()
    }
    match kind {
        DATA_STORE => data_stores.to_vec(),
        KEY_MANAGER => of(&builtins.server_key_managers),
        NODE_ATTESTOR => [vec![JOIN_TOKEN], of(&builtins.server_node_attestors)].concat(),
        BUNDLE_PUBLISHER => of(&builtins.bundle_publishers),
        UPSTREAM_AUTHORITY => of(&builtins.upstream_authorities),
        _ => Vec::new(),
    }
}
