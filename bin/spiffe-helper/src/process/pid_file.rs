//! The process named by `pid_file_name`: read anew for each update, since it may have changed.

use std::{
    convert::Infallible,
    io,
    num::ParseIntError,
    path::{Path, PathBuf},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{sync::watch, time::sleep};
use tokio_util::sync::CancellationToken;

const TRIES: u32 = 10;
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// Why the process could not be signalled.
#[derive(Debug, thiserror::Error)]
enum PidFileError {
    #[error("failed to read pid file {path:?}: {source}")]
    Read { path: PathBuf, source: io::Error },
    #[error("failed to parse pid file {path:?}: {source}")]
    Parse {
        path: PathBuf,
        source: ParseIntError,
    },
    #[error("failed to parse pid file {path:?}: {pid} is no process id")]
    NoProcess { path: PathBuf, pid: i32 },
    #[error("error signaling process {pid} with signal {signal}: {source}")]
    Signal {
        pid: i32,
        signal: Signal,
        source: nix::Error,
    },
}

/// Signals the process after each update. Retries hold nobody else up, and an update that comes
/// meanwhile is served by the signal that gets through in the end.
pub(crate) struct PidFile {
    path: PathBuf,
    signal: Signal,
    updates: watch::Receiver<u64>,
}

impl PidFile {
    /// Acts on every change of `updates`.
    pub(crate) fn new(path: PathBuf, signal: Signal, updates: watch::Receiver<u64>) -> Self {
        Self {
            path,
            signal,
            updates,
        }
    }

    /// Runs until `stopping`.
    pub(crate) async fn run(mut self, stopping: CancellationToken) -> Result<(), Infallible> {
        let work = async {
            while self.updates.changed().await.is_ok() {
                if let Err(error) = insist(&self.path, self.signal).await {
                    tracing::error!(%error, "Unable to signal PID file");
                }
            }
        };
        stopping.run_until_cancelled(work).await;
        Ok(())
    }
}

/// The file may not be there yet: whoever writes it may still be starting.
async fn insist(path: &Path, signal: Signal) -> Result<(), PidFileError> {
    let mut wait = FIRST_WAIT;
    for _ in 1..TRIES {
        if signal_once(path, signal).is_ok() {
            return Ok(());
        }
        sleep(jittered(wait)).await;
        wait *= 2;
    }
    signal_once(path, signal)
}

/// Up to a tenth more, so that the helpers of many pods do not move in step.
fn jittered(wait: Duration) -> Duration {
    let random = steeple_spiffe::key::random::<1>().map_or(0, |[byte]| byte);
    wait + wait.mul_f64(f64::from(random) / 2560.0)
}

fn signal_once(path: &Path, signal: Signal) -> Result<(), PidFileError> {
    let text = std::fs::read_to_string(path).map_err(|source| PidFileError::Read {
        path: path.to_owned(),
        source,
    })?;
    let parsed = text.trim().parse::<i32>();
    let pid = parsed.map_err(|source| PidFileError::Parse {
        path: path.to_owned(),
        source,
    })?;
    // Zero and negative numbers are groups of processes, ours among them.
    if pid <= 0 {
        return Err(PidFileError::NoProcess {
            path: path.to_owned(),
            pid,
        });
    }
    kill(Pid::from_raw(pid), signal).map_err(|source| PidFileError::Signal {
        pid,
        signal,
        source,
    })
}

#[cfg(test)]
mod tests;
