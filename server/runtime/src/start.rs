//! Puts the server together: plugins, store, registry, authority, endpoints, background tasks.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use steeple_authority::{self as authority, Authority};
use steeple_config::{ConfigErrors, PluginConfig};
use steeple_hcl::{Problem, Report};
use steeple_lifecycle::{
    Clock, Tasks, files,
    health::{self, Health},
};
use steeple_plugin_host::{ServerPlan, ServerPlugins, data_store};
use steeple_plugin_sdk::{builtin::BuiltIns, config::CoreConfig};
use steeple_registry::{Registry, publish::Publishing};
use steeple_spiffe::TrustDomain;
use steeple_store::{PreparedStore, Store, StoreBuilder};

use crate::{
    ServerError, checks,
    config::ServerConfig,
    endpoints::{Bound, Endpoints},
    settings,
    tls_identity::TlsIdentity,
};

/// What a program brings with it: the platforms it is built with, and the time.
pub struct Parts {
    /// The plugins there are.
    pub builtins: BuiltIns,
    /// The stores there are.
    pub stores: Vec<Arc<dyn StoreBuilder>>,
    /// What time it is.
    pub clock: Clock,
}

/// A server that answers.
#[derive(Clone, Debug)]
pub struct RunningServer {
    /// Where agents reach it; the port is the real one where 0 was configured.
    pub tcp: SocketAddr,
    /// Where operators reach it.
    pub socket: PathBuf,
}

/// Everything that can be said about a configuration without touching anything.
pub(crate) struct Plan {
    plugins: ServerPlan,
    store: Box<dyn PreparedStore>,
}

impl Plan {
    /// Configures every plugin. All mistakes are told at once.
    pub(crate) fn new(config: &ServerConfig, parts: &Parts) -> Result<Self, ConfigErrors> {
        let report = Report::new();
        Self::read(&config.trust_domain, &config.plugins, parts, &report)
            .ok_or_else(|| ConfigErrors::Mistakes(report.problems()))
    }

    /// What is wrong with the plugins of a configuration that is wrong elsewhere too.
    pub(crate) fn problems(blocks: &[PluginConfig], parts: &Parts) -> Vec<Problem> {
        let report = Report::new();
        // No plugin is started, so it does not matter for whom.
        if let Ok(nobody) = TrustDomain::parse("nobody.invalid") {
            drop(Self::read(&nobody, blocks, parts, &report));
        }
        report.problems()
    }

    fn read(
        trust_domain: &TrustDomain,
        blocks: &[PluginConfig],
        parts: &Parts,
        report: &Report,
    ) -> Option<Self> {
        let core = CoreConfig {
            trust_domain: trust_domain.clone(),
            clock: parts.clock.clone(),
        };
        let stores: Vec<&'static str> = parts.stores.iter().map(|store| store.name()).collect();
        let plugins = ServerPlan::new(&parts.builtins, &stores, blocks, &core, report);
        let store = prepare_store(blocks, parts, report);
        let plan = Self {
            plugins: plugins?,
            store: store?,
        };
        report.is_empty().then_some(plan)
    }
}

fn prepare_store(
    blocks: &[PluginConfig],
    parts: &Parts,
    report: &Report,
) -> Option<Box<dyn PreparedStore>> {
    let block = data_store(blocks)?;
    let builder = parts
        .stores
        .iter()
        .find(|store| store.name() == block.name)?;
    let data = block.data.section(report);
    builder.prepare(&data)
}

/// Starts a server whose tasks belong to `tasks`. When this returns, it answers on both endpoints.
///
/// # Errors
/// When the configuration is wrong, or something it names cannot be used; see [`ServerError`].
/// What was started by then is stopped with `tasks`.
pub async fn start(
    config: ServerConfig,
    parts: Parts,
    tasks: &Tasks,
) -> Result<RunningServer, ServerError> {
    let plan = Plan::new(&config, &parts)?;
    make_data_dir(&config)?;
    let bound = Bound::bind(&config, &parts.clock).await?;
    let store = plan.store.open(parts.clock.clone()).await?;
    tracing::info!(
        reconfigurable = false,
        subsystem_name = "catalog",
        "Configured DataStore"
    );
    let plugins = plan.plugins.start().await?;
    let registry = Registry::start(
        config.trust_domain.clone(),
        Arc::clone(&store),
        parts.clock.clone(),
    )
    .await?;
    let authority = start_authority(&config, &parts.clock, &plugins, &store, tasks).await?;
    start_pruning(&registry, tasks);
    start_publishing(&registry, &plugins, tasks);

    let identity = TlsIdentity::new(authority.server_svid(), bound.identity())?;
    let stopping = tasks.stopping();
    tasks.spawn("server SVID for TLS", async move {
        identity.follow(stopping).await;
        Ok::<_, ServerError>(())
    });
    start_health(&config, &registry, &authority, &store, tasks)?;
    let endpoints = Endpoints {
        registry,
        authority,
        plugins,
        clock: parts.clock,
    };
    Ok(bound.serve(&config, endpoints, tasks))
}

fn make_data_dir(config: &ServerConfig) -> Result<(), ServerError> {
    files::create_folder(&config.data_dir, 0o755).map_err(|source| ServerError::DataDir {
        path: config.data_dir.clone(),
        source,
    })
}

async fn start_authority(
    config: &ServerConfig,
    clock: &Clock,
    plugins: &ServerPlugins,
    store: &Arc<dyn Store>,
    tasks: &Tasks,
) -> Result<Arc<Authority>, ServerError> {
    let parts = authority::Parts {
        key_manager: Arc::clone(&plugins.key_manager),
        upstream: plugins.upstream_authority.clone(),
        journals: Arc::<dyn Store>::clone(store),
        bundles: Arc::<dyn Store>::clone(store),
        clock: clock.clone(),
    };
    let (authority, rotation) = Authority::start(settings::authority(config), parts).await?;
    let stopping = tasks.stopping();
    tasks.spawn("rotation of the authorities", rotation.run(stopping));
    Ok(authority)
}

fn start_pruning(registry: &Arc<Registry>, tasks: &Tasks) {
    let (registry, stopping) = (Arc::clone(registry), tasks.stopping());
    tasks.spawn("pruning", async move {
        registry.run(stopping).await;
        Ok::<_, ServerError>(())
    });
}

fn start_publishing(registry: &Arc<Registry>, plugins: &ServerPlugins, tasks: &Tasks) {
    if plugins.bundle_publishers.is_empty() {
        return;
    }
    let mut publishing = Publishing::new(registry);
    for named in &plugins.bundle_publishers {
        publishing = publishing.to(&named.name, Arc::clone(&named.publisher));
    }
    let stopping = tasks.stopping();
    tasks.spawn("bundle publishing", async move {
        publishing.run(stopping).await;
        Ok::<_, ServerError>(())
    });
}

fn start_health(
    config: &ServerConfig,
    registry: &Arc<Registry>,
    authority: &Arc<Authority>,
    store: &Arc<dyn Store>,
    tasks: &Tasks,
) -> Result<(), ServerError> {
    let Some(listener) = config.health_checks.clone() else {
        return Ok(());
    };
    let health = Health::new();
    checks::add(
        &health,
        Arc::clone(registry),
        Arc::clone(authority),
        Arc::clone(store),
    )?;
    let (checker, stopping) = (health.clone(), tasks.stopping());
    tasks.spawn("health checks", async move {
        checker.run(stopping).await;
        Ok::<_, ServerError>(())
    });
    let stopping = tasks.stopping();
    tasks.spawn("health endpoint", async move {
        health::serve(listener, health, stopping).await;
        Ok::<_, ServerError>(())
    });
    Ok(())
}
