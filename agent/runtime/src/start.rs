//! Puts the agent together: plugins, the node's identity, the cache, the public socket.

use std::{path::PathBuf, sync::Arc, time::Duration};

use steeple_agent_api::ApiConfig;
use steeple_attest::{AttestError, Node, NodeConfig, Workloads};
use steeple_cache::{Cache, Server, backoff::Backoff};
use steeple_lifecycle::{
    Clock, Tasks, files,
    health::{self, Health},
};
use steeple_plugin_sdk::builtin::BuiltIns;
use steeple_spiffe::SpiffeId;

use crate::{
    AgentError, VERSION, checks,
    config::AgentConfig,
    endpoint,
    membership::{CacheConnection, Membership},
    plan::plan,
    settings,
};

/// The first wait between two tries to reach the server at the start, and the longest.
const FIRST_WAIT: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What a program brings with it: the platforms it is built with, and the time.
pub struct Parts {
    /// The plugins there are.
    pub builtins: BuiltIns,
    /// What time it is.
    pub clock: Clock,
}

/// An agent that answers.
#[derive(Clone, Debug)]
pub struct RunningAgent {
    /// Its own ID.
    pub id: SpiffeId,
    /// Where workloads reach it.
    pub socket: PathBuf,
}

/// Starts an agent whose tasks belong to `tasks`. When this returns, it has an identity, knows its
/// entries and answers on the public socket. While the server cannot be reached, it goes on trying.
///
/// # Errors
/// When the configuration is wrong, something it names cannot be used, or the server refuses; see
/// [`AgentError`]. What was started by then is stopped with `tasks`.
pub async fn start(
    config: AgentConfig,
    parts: Parts,
    tasks: &Tasks,
) -> Result<RunningAgent, AgentError> {
    let plan = plan(&config, &parts)?;
    files::create_folder(&config.data_dir, 0o755).map_err(|source| AgentError::DataDir {
        path: config.data_dir.clone(),
        source,
    })?;
    let plugins = plan.start().await?;
    let node = become_agent(settings::node(&config, &plugins, &parts.clock)).await?;
    let membership = Membership::new(node.clone());
    let server = Server::new(Arc::new(CacheConnection(node.connection())));
    let cache = Cache::new(
        settings::cache(&config),
        server.clone(),
        node.bundle(),
        parts.clock.clone(),
    );

    spawn_renewal(&node, &membership, tasks);
    spawn_bundle_keeper(&node, &cache, tasks);
    first_sync(&cache, &membership).await?;
    spawn_sync(&cache, &membership, tasks);
    spawn_minting(&cache, &membership, tasks);
    spawn_hints(&cache, tasks);
    let api = ApiConfig {
        trust_domain: config.trust_domain.clone(),
        cache,
        workloads: Arc::new(Workloads::new(plugins.workload_attestors)),
        clock: parts.clock,
        workload_api: !config.disable_workload_api,
        unauthenticated_verifiers: config.allow_unauthenticated_verifiers,
        stopping: tasks.stopping(),
    };
    endpoint::serve(&config, api, tasks)?;
    start_health(&config, tasks)?;
    tasks.spawn("status", async move {
        // An old server does not know the call, and nothing depends on it.
        if let Err(error) = server.post_status(VERSION).await {
            tracing::debug!(%error, "Could not post the agent's version");
        }
        Ok::<_, AgentError>(())
    });
    let id = node.svid().borrow().id.clone();
    Ok(RunningAgent {
        id,
        socket: config.socket_path,
    })
}

/// Takes up the identity kept on disk or attests, again and again until the server is there.
async fn become_agent(config: NodeConfig) -> Result<Node, AgentError> {
    let since = config.clock.now();
    let mut backoff = Backoff::new(FIRST_WAIT, LONGEST_WAIT);
    let mut attempt = 1;
    loop {
        match Node::start(config.clone(), attempt, since).await {
            Ok(node) => return Ok(node),
            Err(error) if error.is_final() => return Err(error.into()),
            Err(error) => wait_to_attest(&error, &mut backoff).await,
        }
        attempt += 1;
    }
}

async fn wait_to_attest(error: &AttestError, backoff: &mut Backoff) {
    let wait = backoff.next_wait();
    tracing::warn!(%error, retry_interval = ?wait, "Failed to retrieve attestation result");
    tokio::time::sleep(wait).await;
}

async fn first_sync(cache: &Cache, membership: &Membership) -> Result<(), AgentError> {
    let mut backoff = Backoff::new(FIRST_WAIT, LONGEST_WAIT);
    loop {
        let generation = membership.generation();
        match cache.sync().await {
            Ok(()) => return Ok(()),
            Err(error) if error.denial().is_some() => membership.mend(error, generation).await?,
            Err(error) if error.is_unknown_authority() => return Err(error.into()),
            Err(error) => {
                let wait = backoff.next_wait();
                tracing::warn!(%error, retry_interval = ?wait, "Failed to initialize manager");
                tokio::time::sleep(wait).await;
            }
        }
    }
}

fn spawn_sync(cache: &Cache, membership: &Membership, tasks: &Tasks) {
    let (cache, membership, stopping) = (cache.clone(), membership.clone(), tasks.stopping());
    tasks.spawn("synchronization", async move {
        loop {
            let generation = membership.generation();
            match cache.run_sync(stopping.clone()).await {
                Ok(()) => return Ok::<_, AgentError>(()),
                Err(error) => membership.mend(error, generation).await?,
            }
        }
    });
}

fn spawn_hints(cache: &Cache, tasks: &Tasks) {
    let (cache, stopping) = (cache.clone(), tasks.stopping());
    tasks.spawn("hints of changes", async move {
        cache.run_hints(stopping).await;
        Ok::<_, AgentError>(())
    });
}

fn spawn_minting(cache: &Cache, membership: &Membership, tasks: &Tasks) {
    let (cache, membership, stopping) = (cache.clone(), membership.clone(), tasks.stopping());
    tasks.spawn("minting of X.509-SVIDs", async move {
        loop {
            let generation = membership.generation();
            match cache.run_minting(stopping.clone()).await {
                Ok(()) => return Ok::<_, AgentError>(()),
                Err(error) => membership.mend(error, generation).await?,
            }
        }
    });
}

fn spawn_renewal(node: &Node, membership: &Membership, tasks: &Tasks) {
    let (node, membership, stopping) = (node.clone(), membership.clone(), tasks.stopping());
    tasks.spawn("renewal of the agent's SVID", async move {
        loop {
            let generation = membership.generation();
            match node.run_renewal(stopping.clone()).await {
                Ok(()) => return Ok::<_, AgentError>(()),
                Err(error) => membership.mend_renewal(error, generation).await?,
            }
        }
    });
}

/// Hands each new bundle on to where the server is verified, and to disk.
fn spawn_bundle_keeper(node: &Node, cache: &Cache, tasks: &Tasks) {
    let (node, mut bundles, stopping) = (node.clone(), cache.own_bundle(), tasks.stopping());
    tasks.spawn("bundle keeper", async move {
        loop {
            tokio::select! {
                () = stopping.cancelled() => return Ok::<_, AgentError>(()),
                changed = bundles.changed() => if changed.is_err() { return Ok(()) },
            }
            let bundle = Arc::clone(&bundles.borrow_and_update());
            node.set_bundle(bundle).await;
        }
    });
}

fn start_health(config: &AgentConfig, tasks: &Tasks) -> Result<(), AgentError> {
    let Some(listener) = config.health_checks.clone() else {
        return Ok(());
    };
    let health = Health::new();
    checks::add(&health, config.socket_path.clone())?;
    let (checker, stopping) = (health.clone(), tasks.stopping());
    tasks.spawn("health checks", async move {
        checker.run(stopping).await;
        Ok::<_, AgentError>(())
    });
    let stopping = tasks.stopping();
    tasks.spawn("health endpoint", async move {
        health::serve(listener, health, stopping).await;
        Ok::<_, AgentError>(())
    });
    Ok(())
}
