//! `spire-server run` and `spire-server validate`.

use std::time::Duration;

use steeple_lifecycle::{Tasks, signals, umask};
use steeple_telemetry as telemetry;

use crate::{
    Parts, ServerError, VERSION,
    config::{self, ServerConfig, ServerFlags},
    start::{Plan, start},
};

/// How long open calls may take to end after the stop.
const DRAIN: Duration = Duration::from_secs(10);

/// Runs the server until it is told to stop by a signal.
///
/// # Errors
/// When it cannot start, or a part of it failed.
pub async fn run(flags: &ServerFlags, parts: Parts) -> Result<(), ServerError> {
    let config = config::load_with(flags, |blocks| Plan::problems(blocks, &parts))?;
    let log = telemetry::init(&config.log)?;
    umask::restrict();
    log_start(&config);
    let tasks = Tasks::new();
    let actions = signals::Actions::new().on_usr2(move || {
        if let Err(error) = log.reopen() {
            tracing::error!(%error, "Could not reopen the log file; the old one stays in use");
        }
    });
    let _signals = signals::listen(&tasks, actions).map_err(ServerError::Signals)?;
    let result = supervise(config, parts, &tasks).await;
    match &result {
        Ok(()) => tracing::info!("Server stopped gracefully"),
        Err(failure) => {
            let error = failure.story();
            tracing::error!(error, "Fatal run error");
            tracing::error!(error, "Server crashed");
        }
    }
    result
}

async fn supervise(config: ServerConfig, parts: Parts, tasks: &Tasks) -> Result<(), ServerError> {
    let stopping = tasks.stopping();
    let started = tokio::select! {
        () = stopping.cancelled() => Ok(()),
        started = start(config, parts, tasks) => started.map(drop),
    };
    if started.is_err() {
        tasks.stop();
    }
    let ended = tasks.wait(DRAIN).await.map_err(ServerError::from);
    started.and(ended)
}

fn log_start(config: &ServerConfig) {
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    let admin_ids: Vec<&str> = config.admin_ids.iter().map(AsRef::as_ref).collect();
    tracing::info!(
        admin_ids = %format_args!("[{}]", admin_ids.join(" ")),
        data_dir = %config.data_dir.display(),
        launch_log_level = config.log.level.name(),
        version = VERSION,
        "Configured"
    );
}

/// Checks the configuration, that of the plugins included, and touches nothing.
///
/// # Errors
/// With every mistake there is.
pub fn validate(flags: &ServerFlags, parts: &Parts) -> Result<(), ServerError> {
    let config = config::load_with(flags, |blocks| Plan::problems(blocks, parts))?;
    Plan::new(&config, parts)?;
    Ok(())
}
