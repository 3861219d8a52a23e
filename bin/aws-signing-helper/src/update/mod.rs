//! `update`: keeps a profile of the shared credentials file supplied with credentials.

mod file;
mod profile;

use std::{io, sync::Arc, time::Duration};

use steeple_lifecycle::{
    Clock, Tasks,
    signals::{Actions, listen},
};
use tokio::sync::Notify;

use crate::{
    cli::Values,
    credentials::Credentials,
    log::Log,
    options::{Options, OptionsError},
    session::{Client, SessionError, jittered},
};
use file::{CredentialsFile, FileError};

/// How long before their end credentials are replaced.
const MARGIN: Duration = Duration::from_secs(5 * 60);
/// The longest sleep: a machine that was suspended, or whose clock was set, notices soon.
const STEP: Duration = Duration::from_secs(60);
/// The longest wait after a failure.
const LONGEST_RETRY: Duration = Duration::from_secs(60);

/// Why nothing is written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpdateError {
    /// The flags make no sense.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// No credentials.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The file cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The program cannot run.
    #[error("failed to start: {0}")]
    Runtime(#[from] io::Error),
}

/// Writes credentials once, or again and again.
///
/// # Errors
/// When the first credentials cannot be had or written. Later failures are told and tried again.
pub(crate) fn run(values: &Values, log: &Log) -> Result<Vec<u8>, UpdateError> {
    let options = Options::read(values, log)?;
    let clock = Clock::system();
    let updater = Updater {
        file: CredentialsFile::find(values.text("profile"))?,
        client: Client::new(
            options.session,
            options.transport,
            clock.clone(),
            log.clone(),
        ),
        source: options.source,
        clock,
        log: log.clone(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let tasks = Tasks::new();
        let renew = Arc::new(Notify::new());
        let notice = Arc::clone(&renew);
        let actions = Actions::new().on_usr1(move || notice.notify_one());
        let _signals = listen(&tasks, actions)?;
        let stopping = tasks.stopping();
        tokio::select! {
            () = stopping.cancelled() => Ok(Vec::new()),
            ended = updater.go_on(values.on("once"), &renew) => ended.map(|()| Vec::new()),
        }
    })
}

struct Updater {
    file: CredentialsFile,
    client: Client,
    source: crate::identity::Source,
    clock: Clock,
    log: Log,
}

impl Updater {
    async fn go_on(&self, once: bool, renew: &Notify) -> Result<(), UpdateError> {
        let mut current = self.step().await?;
        if once {
            return Ok(());
        }
        loop {
            tokio::select! {
                () = self.wait(&current) => {}
                () = renew.notified() => {}
            }
            current = self.step_until_done().await;
        }
    }

    async fn step(&self) -> Result<Credentials, UpdateError> {
        let identity = self.source.identity().await.map_err(SessionError::from)?;
        let credentials = self.client.create(&identity).await?;
        self.file.put(&credentials)?;
        Ok(credentials)
    }

    async fn step_until_done(&self) -> Credentials {
        let mut attempt = 3;
        loop {
            match self.step().await {
                Ok(credentials) => return credentials,
                Err(error) => self.log.line(format_args!("{error}; trying again")),
            }
            let pause = jittered(attempt) + Duration::from_secs(5);
            tokio::time::sleep(pause.min(LONGEST_RETRY)).await;
            attempt += 1;
        }
    }

    /// Waits until `current` should be replaced.
    async fn wait(&self, current: &Credentials) {
        let next = current.expiration - current.margin(MARGIN);
        self.log
            .line(format_args!("Credentials will be refreshed at {next}"));
        loop {
            let left = self.clock.until(next);
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.min(STEP)).await;
        }
    }
}
