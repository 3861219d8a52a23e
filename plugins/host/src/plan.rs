//! A configured plugin on its way to running.

use std::{fmt, sync::Arc};

use steeple_config::PluginConfig;
use steeple_hcl::Report;
use steeple_plugin_sdk::{
    PluginError,
    builtin::{Configured, Descriptor},
    config::CoreConfig,
};

/// A plugin that did not start.
#[derive(Debug, thiserror::Error)]
#[error("failed to configure plugin {name:?}: {source}")]
pub struct StartError {
    kind: String,
    name: String,
    source: PluginError,
}

impl StartError {
    /// The plugin's type and name, as in `KeyManager "disk"`.
    pub fn plugin(&self) -> String {
        format!("{} {:?}", self.kind, self.name)
    }
}

/// What a plugin is called, where it stands in the file, and how it gets its data.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) kind: String,
    pub(crate) name: String,
    order: usize,
    /// Whether it has data to be configured with at all.
    configured: bool,
    reconfigurable: bool,
}

impl Identity {
    pub(crate) fn new(order: usize, config: &PluginConfig, configured: bool) -> Self {
        Self {
            kind: config.kind.clone(),
            name: config.name.clone(),
            order,
            configured,
            reconfigurable: config.data_file.is_some(),
        }
    }
}

/// One plugin, configured.
pub(crate) struct Selected<K: ?Sized> {
    pub(crate) identity: Identity,
    configured: Configured<K>,
}

impl<K: ?Sized> Selected<K> {
    pub(crate) async fn start(self, log: &mut StartLog) -> Result<Arc<K>, StartError> {
        let Identity { kind, name, .. } = self.identity.clone();
        let plugin =
            self.configured
                .start()
                .await
                .map_err(|source| StartError { kind, name, source })?;
        log.started(self.identity);
        Ok(plugin)
    }
}

impl<K: ?Sized> fmt::Debug for Selected<K> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.identity, out)
    }
}

/// Configures every enabled plugin of one kind; what is not built in was reported before.
pub(crate) fn configure<K: ?Sized>(
    configs: &[PluginConfig],
    kind: &str,
    builtins: &[Descriptor<K>],
    core: &CoreConfig,
    report: &Report,
) -> Vec<Selected<K>> {
    let mut selected = Vec::new();
    for (order, config) in enabled(configs, kind) {
        let found = builtins.iter().find(|builtin| builtin.name == config.name);
        let Some(builtin) = found.filter(|_| !config.is_external()) else {
            continue;
        };
        let data = config.data.section(report);
        let configured = (builtin.configure)(core, &data);
        data.finish();
        if let Some(configured) = configured {
            selected.push(Selected {
                identity: Identity::new(order, config, true),
                configured,
            });
        }
    }
    selected
}

/// The block of a plugin that the program itself stands for, if it is enabled. It has no keys.
pub(crate) fn intrinsic(
    configs: &[PluginConfig],
    kind: &str,
    name: &str,
    report: &Report,
) -> Option<Identity> {
    let (order, config) = enabled(configs, kind).find(|(_, config)| config.name == name)?;
    config.data.section(report).finish();
    Some(Identity::new(order, config, false))
}

fn enabled<'a>(
    configs: &'a [PluginConfig],
    kind: &'a str,
) -> impl Iterator<Item = (usize, &'a PluginConfig)> {
    configs
        .iter()
        .enumerate()
        .filter(move |(_, config)| config.enabled && config.kind == kind)
}

/// Collects what has started, to be logged in the order of the file.
#[derive(Debug, Default)]
pub(crate) struct StartLog(Vec<Identity>);

impl StartLog {
    pub(crate) fn started(&mut self, identity: Identity) {
        self.0.push(identity);
    }

    pub(crate) fn write(mut self) {
        self.0.sort_by_key(|identity| identity.order);
        for identity in &self.0 {
            write_lines(identity);
        }
    }
}

fn write_lines(identity: &Identity) {
    let (plugin_type, plugin_name) = (identity.kind.as_str(), identity.name.as_str());
    if identity.configured {
        tracing::info!(
            external = false,
            plugin_name,
            plugin_type,
            reconfigurable = identity.reconfigurable,
            subsystem_name = "catalog",
            "Configured plugin"
        );
    }
    tracing::info!(
        external = false,
        plugin_name,
        plugin_type,
        subsystem_name = "catalog",
        "Plugin loaded"
    );
}
