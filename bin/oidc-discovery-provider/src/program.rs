//! From the configuration to running tasks.

use std::{io, sync::Arc, time::Duration};

use steeple_lifecycle::{Clock, TaskError, Tasks, signals};
use steeple_telemetry::{self as telemetry, LogError};

use crate::{
    config::{Config, HealthConfig},
    health::HealthPages,
    keys::{Board, Keys},
    listeners::{self, Door, ListenError},
    pages::Site,
    sources,
};

/// How long open requests may take to end after the stop.
const DRAIN: Duration = Duration::from_secs(5);

/// Why the provider does not run, or had to end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProgramError {
    /// There is nothing to log to.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The system gives no threads.
    #[error("could not start the provider's threads: {0}")]
    Threads(io::Error),
    /// Signals cannot be heard.
    #[error("could not listen for signals: {0}")]
    Signals(io::Error),
    /// Nothing can come in.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// A part of it failed.
    #[error(transparent)]
    Task(#[from] TaskError),
}

/// Serves until a signal says stop.
pub(crate) fn run(config: Config) -> Result<(), ProgramError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(ProgramError::Threads)?;
    runtime.block_on(supervise(config))
}

async fn supervise(config: Config) -> Result<(), ProgramError> {
    let log = telemetry::init(&config.log)?;
    warn(&config);
    let tasks = Tasks::new();
    let actions = signals::Actions::new().on_usr2(move || {
        if let Err(error) = log.reopen() {
            tracing::error!(%error, "Could not reopen the log file; the old one stays in use");
        }
    });
    let _signals = signals::listen(&tasks, actions).map_err(ProgramError::Signals)?;
    start(config, &tasks).await?;
    Ok(tasks.wait(DRAIN).await?)
}

fn warn(config: &Config) {
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    if config.site.allow_insecure_scheme {
        tracing::warn!(
            "allow_insecure_scheme is enabled: the documents may name http URLs, so the keys can be \
             changed on their way. Only enable this where the whole path to the provider is \
             trusted, such as behind a reverse proxy that ends TLS on a private network"
        );
    }
    if config.log_requests {
        tracing::info!("Logging all requests");
    }
}

async fn start(config: Config, tasks: &Tasks) -> Result<(), ProgramError> {
    let (board, keys) = Board::new(config.site.set_key_use);
    let door = listeners::open(config.listener, &config.site.domains, tasks).await?;
    let interval = config.source.poll_interval;
    let polling = sources::poll(config.source, board, Clock::system(), tasks.stopping());
    tasks.spawn("key source", polling);
    if let Some(health) = config.health {
        start_health(health, keys.clone(), interval, tasks).await;
    }
    let site = Site::new(config.site, keys, config.log_requests);
    let serving = listeners::serve(door, Arc::new(site), tasks.stopping());
    tasks.spawn("listener", serving);
    Ok(())
}

/// A port that is taken is no reason to serve no keys: what depends on the pages will notice.
async fn start_health(config: HealthConfig, keys: Keys, interval: Duration, tasks: &Tasks) {
    let listener = match config.address.bind().await {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(
                address = %config.address,
                error = %format!("failed to listen: {error}; choose another bind_port"),
                "Error serving health checks"
            );
            return;
        }
    };
    let pages = HealthPages::new(config, keys, interval);
    let serving = listeners::serve(Door::Tcp(listener), Arc::new(pages), tasks.stopping());
    tasks.spawn("health checks", serving);
}
