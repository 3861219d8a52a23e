//! The program in `cmd`: started with the first certificates, signalled with the next ones, and
//! ended with the helper.

use std::{convert::Infallible, io, process::ExitStatus, time::Duration};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{
    process::{Child, Command},
    sync::mpsc,
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::config::{Cmd, Restart};

/// The wait before a program that has ended is started again, and its limit as it doubles.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// A program that ran this long had started well.
const STEADY: Duration = Duration::from_secs(60);

/// Why the program could not be started or told.
#[derive(Debug, thiserror::Error)]
enum ChildError {
    #[error("error executing process {program:?}: {source}{}", hint(source))]
    Start { program: String, source: io::Error },
    #[error("error signaling process with signal {signal}: {source}")]
    Signal { signal: Signal, source: nix::Error },
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => {
            "; cmd is a program's path or its name in PATH, no shell reads it"
        }
        io::ErrorKind::PermissionDenied => {
            "; it must be executable by the user that spiffe-helper runs as"
        }
        _ => "",
    }
}

/// Owns the child; nobody else starts, signals or waits for it.
pub(crate) struct Supervisor {
    cmd: Cmd,
    renew: Option<Signal>,
    updates: mpsc::Receiver<()>,
    child: Option<(Child, Instant)>,
    restart_at: Option<Instant>,
    wait: Duration,
}

impl Supervisor {
    /// Acts on every message in `updates`.
    pub(crate) fn new(cmd: Cmd, renew: Option<Signal>, updates: mpsc::Receiver<()>) -> Self {
        Self {
            cmd,
            renew,
            updates,
            child: None,
            restart_at: None,
            wait: FIRST_WAIT,
        }
    }

    /// Runs until `stopping`, and then until the child has ended or its time is over.
    pub(crate) async fn run(mut self, stopping: CancellationToken) -> Result<(), Infallible> {
        loop {
            tokio::select! {
                biased;
                () = stopping.cancelled() => break,
                status = exit(&mut self.child) => self.ended(&status),
                Some(()) = self.updates.recv() => self.update(),
                () = due(self.restart_at) => self.start(),
            }
        }
        self.stop().await;
        Ok(())
    }

    fn update(&mut self) {
        match &self.child {
            None => self.start(),
            Some((child, _)) => {
                if let Err(error) = self.renew.map_or(Ok(()), |renew| signal(child, renew)) {
                    tracing::error!(%error, "Unable to signal process");
                }
            }
        }
    }

    fn start(&mut self) {
        self.restart_at = None;
        // Its input and output are ours: it may stand in a pipeline.
        let started = Command::new(&self.cmd.program).args(&self.cmd.args).spawn();
        match started {
            Ok(child) => self.child = Some((child, Instant::now())),
            Err(source) => {
                let program = self.cmd.program.clone();
                let error = ChildError::Start { program, source };
                tracing::error!(%error, "Unable to signal process");
                if self.cmd.restart != Restart::OnUpdate {
                    self.restart_later();
                }
            }
        }
    }

    fn ended(&mut self, status: &io::Result<ExitStatus>) {
        let Some((_, since)) = self.child.take() else {
            return;
        };
        let failed = match status {
            Ok(status) => {
                tracing::info!(cmd = self.cmd.program, %status, "Process ended");
                !status.success()
            }
            Err(error) => {
                tracing::error!(cmd = self.cmd.program, %error, "Error waiting for the process' end");
                true
            }
        };
        if since.elapsed() >= STEADY {
            self.wait = FIRST_WAIT;
        }
        match self.cmd.restart {
            Restart::Always => self.restart_later(),
            Restart::OnFailure if failed => self.restart_later(),
            Restart::OnFailure | Restart::OnUpdate => {}
        }
    }

    fn restart_later(&mut self) {
        self.restart_at = Some(Instant::now() + self.wait);
        self.wait = (self.wait * 2).min(LONGEST_WAIT);
    }

    /// Asks the child to end and waits for it, but not for ever: it is not ours to kill.
    async fn stop(&mut self) {
        let Some((child, _)) = &mut self.child else {
            return;
        };
        if let Err(error) = signal(child, Signal::SIGTERM) {
            tracing::error!(%error, "Unable to signal process");
            return;
        }
        let limit = self.cmd.stop_timeout;
        if timeout(limit, child.wait()).await.is_err() {
            tracing::warn!(
                cmd = self.cmd.program,
                pid = child.id(),
                "Process still runs {limit:?} after SIGTERM and is left alone; cmd_stop_timeout sets how long to wait"
            );
        }
    }
}

async fn exit(child: &mut Option<(Child, Instant)>) -> io::Result<ExitStatus> {
    match child {
        Some((child, _)) => child.wait().await,
        None => std::future::pending().await,
    }
}

async fn due(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// A child that has ended and was not waited for still takes signals; its id is not used again.
fn signal(child: &Child, signal: Signal) -> Result<(), ChildError> {
    let Some(pid) = child.id().and_then(|pid| i32::try_from(pid).ok()) else {
        return Ok(());
    };
    kill(Pid::from_raw(pid), signal).map_err(|source| ChildError::Signal { signal, source })
}

#[cfg(test)]
mod tests;
