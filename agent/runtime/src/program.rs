//! `spire-agent run` and `spire-agent validate`.

use std::time::Duration;

use steeple_lifecycle::{Tasks, signals, umask};
use steeple_telemetry as telemetry;

use crate::{
    AgentError, Parts, VERSION,
    config::{self, AgentConfig, AgentFlags},
    plan::{plan, problems},
    start::start,
};

/// How long open calls may take to end after the stop.
const DRAIN: Duration = Duration::from_secs(5);

/// Runs the agent until it is told to stop by a signal.
///
/// # Errors
/// When it cannot start, or cannot go on: the server denies it, say.
pub async fn run(flags: &AgentFlags, parts: Parts) -> Result<(), AgentError> {
    let config = config::load_with(flags, |blocks| problems(blocks, &parts))?;
    let log = telemetry::init(&config.log)?;
    umask::restrict();
    log_start(&config);
    let tasks = Tasks::new();
    let actions = signals::Actions::new().on_usr2(move || {
        if let Err(error) = log.reopen() {
            tracing::error!(%error, "Could not reopen the log file; the old one stays in use");
        }
    });
    let _signals = signals::listen(&tasks, actions).map_err(AgentError::Signals)?;
    let result = supervise(config, parts, &tasks).await;
    match &result {
        Ok(()) => tracing::info!("Agent stopped gracefully"),
        Err(error) => tracing::error!(%error, "Agent crashed"),
    }
    result
}

async fn supervise(config: AgentConfig, parts: Parts, tasks: &Tasks) -> Result<(), AgentError> {
    let stopping = tasks.stopping();
    let started = tokio::select! {
        () = stopping.cancelled() => Ok(()),
        started = start(config, parts, tasks) => started.map(drop),
    };
    if started.is_err() {
        tasks.stop();
    }
    let ended = tasks.wait(DRAIN).await.map_err(AgentError::from);
    started.and(ended)
}

fn log_start(config: &AgentConfig) {
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    tracing::info!(
        data_dir = %config.data_dir.display(),
        version = VERSION,
        "Starting agent"
    );
}

/// Checks the configuration, that of the plugins included, and touches nothing.
///
/// # Errors
/// With every mistake there is.
pub fn validate(flags: &AgentFlags, parts: &Parts) -> Result<(), AgentError> {
    let config = config::load_with(flags, |blocks| problems(blocks, parts))?;
    plan(&config, parts)?;
    Ok(())
}
