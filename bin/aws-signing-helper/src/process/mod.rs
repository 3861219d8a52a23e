//! `credential-process`: credentials once, for an SDK that reads standard output.

mod cache;

use std::io;

use steeple_lifecycle::Clock;

use crate::{
    cli::Values,
    credentials::Credentials,
    log::Log,
    options::{Options, OptionsError},
    session::{Client, SessionError},
};
use cache::Cache;

/// Why there is no output.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProcessError {
    /// The flags make no sense.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// No credentials.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The program cannot run.
    #[error("failed to start: {0}")]
    Runtime(#[from] io::Error),
    /// What was obtained cannot be written down.
    #[error("failed to write the credentials: {0}")]
    Output(#[from] serde_json::Error),
}

/// Prints credentials, new ones or, if asked to, those in the cache.
///
/// # Errors
/// When there are none.
pub(crate) fn run(values: &Values, log: &Log) -> Result<Vec<u8>, ProcessError> {
    let options = Options::read(values, log)?;
    let clock = Clock::system();
    let cache = values
        .on("cache")
        .then(|| Cache::open(values, log))
        .flatten();
    if let Some(kept) = cache.as_ref().and_then(|cache| cache.read(clock.now())) {
        log.debug("credentials from the cache");
        return Ok(kept.to_process_output()?.into_bytes());
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let credentials = runtime.block_on(obtain(options, clock, log))?;
    if let Some(cache) = cache {
        cache.write(&credentials, log);
    }
    Ok(credentials.to_process_output()?.into_bytes())
}

async fn obtain(options: Options, clock: Clock, log: &Log) -> Result<Credentials, SessionError> {
    let identity = options.source.identity().await?;
    let client = Client::new(options.session, options.transport, clock, log.clone());
    client.create(&identity).await
}
