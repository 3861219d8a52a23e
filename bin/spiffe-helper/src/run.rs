//! From the command line to the exit code.

use std::{error::Error, process::ExitCode, sync::Arc, time::Duration};

use steeple_goflag::quote;
use steeple_lifecycle::{Clock, TaskError, Tasks, signals};
use steeple_telemetry::{self as telemetry, LogConfig, chain};

use crate::{
    config::{self, Config, Overrides},
    daemon,
    flags::CommandLine,
    health::Status,
    one_shot,
    writer::Writer,
};

/// How long the tasks may take to end, beyond the time that the process gets.
const DRAIN: Duration = Duration::from_secs(5);

/// Runs the program.
pub(crate) fn run(line: &CommandLine) -> ExitCode {
    let log = LogConfig {
        stderr: true,
        fields: vec![("system", "spiffe-helper".to_owned())],
        ..LogConfig::default()
    };
    if let Err(error) = telemetry::init(&log) {
        eprintln!("{error}");
        return ExitCode::FAILURE;
    }
    let name = line.config.to_string_lossy();
    tracing::info!("Using configuration file: {}", quote(&name));
    let Some(config) = read(line) else {
        return ExitCode::FAILURE;
    };
    match serve(config) {
        Ok(()) => {
            tracing::info!("Exiting");
            ExitCode::SUCCESS
        }
        Err(error) => {
            tracing::error!(error = %chain(&*error), "Error starting spiffe-helper");
            ExitCode::FAILURE
        }
    }
}

/// The configuration, or none after its mistakes were told.
fn read(line: &CommandLine) -> Option<Config> {
    let overrides = Overrides {
        daemon_mode: line.daemon_mode,
        endpoint_socket: std::env::var("SPIFFE_ENDPOINT_SOCKET").ok(),
        home: std::env::var("HOME").ok(),
    };
    match config::load(&line.config, &overrides) {
        Ok(loaded) => {
            loaded
                .warnings
                .iter()
                .for_each(|text| tracing::warn!("{text}"));
            loaded
                .errors
                .iter()
                .for_each(|text| tracing::error!("{text}"));
            Some(loaded.config)
        }
        Err(error) => {
            tracing::error!(%error, "{}", error.headline());
            None
        }
    }
}

/// One thread is plenty; writing to disk happens on another, which goes away when it is idle.
fn serve(config: Config) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(2)
        .thread_keep_alive(Duration::from_secs(1))
        .build()?;
    runtime.block_on(work(config))
}

async fn work(config: Config) -> Result<(), Box<dyn Error>> {
    let tasks = Tasks::new();
    let _signals = signals::listen(&tasks, signals::Actions::new())?;
    let writer = Writer {
        status: Status::new(&config),
        clock: Clock::system(),
        config: Arc::new(config),
    };
    let mut drain = DRAIN;
    if writer.config.daemon {
        tracing::info!("Launching daemon");
        daemon::start(&tasks, &writer);
        let cmd = writer.config.cmd.as_ref();
        drain += cmd.map_or(Duration::ZERO, |cmd| cmd.stop_timeout);
    } else {
        tracing::info!("Daemon mode disabled");
        tasks.spawn("fetching", one_shot::run(writer, tasks.stopping()));
    }
    match tasks.wait(drain).await {
        Ok(()) => Ok(()),
        Err(TaskError::Failed {
            task: "fetching",
            source,
        }) => Err(source),
        Err(error) => Err(error.into()),
    }
}
