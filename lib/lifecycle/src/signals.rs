//! Signals: SIGINT and SIGTERM stop the tasks, a second one ends the process at once; SIGUSR1 and
//! SIGUSR2 do what the program says, by default nothing.

use std::io;

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    task::AbortHandle,
};

use crate::Tasks;

/// What a program does when it gets a signal that does not stop it.
type Action = Box<dyn Fn() + Send>;

/// What to do on SIGUSR1 and SIGUSR2.
#[derive(Default)]
pub struct Actions {
    reload: Option<Action>,
    reopen: Option<Action>,
}

impl Actions {
    /// Both signals are taken and nothing is done.
    pub fn new() -> Self {
        Self::default()
    }

    /// On SIGUSR1: read plugin data files again. It must return soon.
    #[must_use]
    pub fn on_usr1(mut self, action: impl Fn() + Send + 'static) -> Self {
        self.reload = Some(Box::new(action));
        self
    }

    /// On SIGUSR2: open the log file again. It must return soon.
    #[must_use]
    pub fn on_usr2(mut self, action: impl Fn() + Send + 'static) -> Self {
        self.reopen = Some(Box::new(action));
        self
    }
}

/// Listens for signals until it is dropped.
#[derive(Debug)]
#[must_use = "signals are heard only while this lives"]
pub struct Signals(AbortHandle);

impl Drop for Signals {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Starts to listen. Call it before anything else is started, so that no signal is missed.
///
/// # Errors
/// When the operating system refuses the handlers.
pub fn listen(tasks: &Tasks, actions: Actions) -> io::Result<Signals> {
    let listener = Listener {
        interrupt: signal(SignalKind::interrupt())?,
        terminate: signal(SignalKind::terminate())?,
        usr1: signal(SignalKind::user_defined1())?,
        usr2: signal(SignalKind::user_defined2())?,
        actions,
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "must outlive the drain of the tasks to hear a second Ctrl-C; Signals aborts it"
    )]
    let task = tokio::spawn(listener.run(tasks.clone()));
    Ok(Signals(task.abort_handle()))
}

struct Listener {
    interrupt: Signal,
    terminate: Signal,
    usr1: Signal,
    usr2: Signal,
    actions: Actions,
}

impl Listener {
    async fn run(mut self, tasks: Tasks) {
        loop {
            let (name, number) = self.next_stop().await;
            if tasks.stopping().is_cancelled() {
                tracing::warn!(signal = name, "Stopping at once: a second signal came");
                std::process::exit(128 + number);
            }
            tracing::info!(signal = name, "Stopping; a second signal stops at once");
            tasks.stop();
        }
    }

    /// Handles everything up to the next signal that stops.
    async fn next_stop(&mut self) -> (&'static str, i32) {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => return ("SIGINT", 2),
                _ = self.terminate.recv() => return ("SIGTERM", 15),
                _ = self.usr1.recv() => act(self.actions.reload.as_ref()),
                _ = self.usr2.recv() => act(self.actions.reopen.as_ref()),
            }
        }
    }
}

fn act(action: Option<&Action>) {
    if let Some(action) = action {
        action();
    }
}

#[cfg(test)]
mod tests {
    use std::{
        convert::Infallible,
        env,
        io::{BufRead as _, BufReader},
        process::{Command, Stdio},
        time::Duration,
    };

    use nix::{
        sys::signal::{Signal, kill, raise},
        unistd::Pid,
    };
    use tokio::sync::mpsc;

    use super::*;

    // One test: signals go to the whole process.
    #[tokio::test]
    async fn signals_act_and_stop() {
        let tasks = Tasks::new();
        let (heard, mut hears) = mpsc::unbounded_channel();
        let also = heard.clone();
        let actions = Actions::new()
            .on_usr1(move || also.send("reload").unwrap())
            .on_usr2(move || heard.send("reopen").unwrap());
        let _signals = listen(&tasks, actions).unwrap();

        raise(Signal::SIGUSR1).unwrap();
        assert_eq!(hears.recv().await, Some("reload"));
        raise(Signal::SIGUSR2).unwrap();
        assert_eq!(hears.recv().await, Some("reopen"));
        assert!(!tasks.stopping().is_cancelled());

        raise(Signal::SIGTERM).unwrap();
        tasks.stopping().cancelled().await;
        tasks.wait(Duration::from_secs(1)).await.unwrap();
    }

    /// Set for a copy of this test program that is to be [`stubborn`].
    const STUBBORN: &str = "STEEPLE_TEST_STUBBORN";

    #[test]
    fn a_second_signal_ends_the_process() {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "signals::tests::stubborn", "--nocapture"])
            .env(STUBBORN, "1")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let pid = Pid::from_raw(child.id().try_into().unwrap());
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut wait_for = |text: &str| lines.any(|line| line.unwrap().ends_with(text));
        assert!(wait_for("listening"));
        kill(pid, Signal::SIGINT).unwrap();
        assert!(wait_for("stopping"), "the first signal does not end it");
        kill(pid, Signal::SIGINT).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(130));
    }

    /// A program with a task that does not end. Only a copy of this one runs it.
    #[tokio::test]
    async fn stubborn() {
        if env::var_os(STUBBORN).is_none() {
            return;
        }
        let tasks = Tasks::new();
        tasks.spawn::<_, Infallible>("stubborn", std::future::pending());
        let _signals = listen(&tasks, Actions::new()).unwrap();
        println!("\nlistening");
        tasks.stopping().cancelled().await;
        println!("\nstopping");
        tasks.wait(Duration::from_secs(3600)).await.unwrap();
    }
}
