//! Supervised tasks: the first failure stops all, a panic is a failure, and every task is awaited.

use std::{
    collections::BTreeMap,
    error::Error,
    future::Future,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::FutureExt as _;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Why the tasks ended otherwise than by [`Tasks::stop`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TaskError {
    /// A task returned an error; it was the first, and stopped the others.
    #[error("{task} failed: {source}")]
    Failed {
        /// The name the task was spawned under.
        task: &'static str,
        /// What it returned.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A task panicked, which is a mistake in the program.
    #[error("{task} panicked: {message}")]
    Panicked {
        /// The name the task was spawned under.
        task: &'static str,
        /// What the panic said.
        message: String,
    },
    /// Some tasks went on after all were asked to stop, and were dropped when the time was over.
    #[error("still running {after:?} after the stop: {}", tasks.join(", "))]
    Stuck {
        /// Their names, each once.
        tasks: Vec<&'static str>,
        /// How long they were waited for.
        after: Duration,
    },
}

/// A group of tasks that live and end together. Clones belong to the same group, so a task may
/// spawn others.
///
/// A task must end soon after [`Tasks::stopping`] is cancelled.
#[derive(Clone, Debug, Default)]
pub struct Tasks(Arc<Group>);

#[derive(Debug, Default)]
struct Group {
    tracker: TaskTracker,
    stopping: CancellationToken,
    dropping: CancellationToken,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    running: BTreeMap<&'static str, usize>,
    failure: Option<TaskError>,
}

impl Tasks {
    /// A group without tasks.
    pub fn new() -> Self {
        Self::default()
    }

    /// The token that is cancelled when every task should end.
    pub fn stopping(&self) -> CancellationToken {
        self.0.stopping.clone()
    }

    /// Asks every task to end.
    pub fn stop(&self) {
        self.0.stopping.cancel();
    }

    /// Runs `task` in this group. Its name is shown when it fails or does not end.
    pub fn spawn<F, E>(&self, name: &'static str, task: F)
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>> + Send + 'static,
    {
        let group = Arc::clone(&self.0);
        let running = Running::new(name, Arc::clone(&self.0));
        self.0.tracker.spawn(async move {
            // Held to the end, however that comes.
            let _running = running;
            let task = AssertUnwindSafe(task).catch_unwind();
            tokio::select! {
                () = group.dropping.cancelled() => {}
                ended = task => group.ended(name, ended),
            }
        });
    }

    /// Waits until every task has ended, but no longer than `drain` after the stop; what is left
    /// then is dropped at its next await.
    ///
    /// # Errors
    /// The first failure; [`TaskError::Stuck`] when there was none but some task did not end.
    pub async fn wait(&self, drain: Duration) -> Result<(), TaskError> {
        let group = &self.0;
        group.tracker.close();
        let drained = async {
            group.stopping.cancelled().await;
            tokio::time::sleep(drain).await;
        };
        let stuck = tokio::select! {
            () = group.tracker.wait() => None,
            () = drained => Some(group.drop_all(drain)),
        };
        match (group.lock().failure.take(), stuck) {
            (Some(failure), _) => Err(failure),
            (None, Some(stuck)) => Err(stuck),
            (None, None) => Ok(()),
        }
    }
}

impl Group {
    fn ended<E: Into<Box<dyn Error + Send + Sync>>>(
        &self,
        task: &'static str,
        ended: std::thread::Result<Result<(), E>>,
    ) {
        let failure = match ended {
            Ok(Ok(())) => return,
            Ok(Err(error)) => TaskError::Failed {
                task,
                source: error.into(),
            },
            Err(panic) => TaskError::Panicked {
                task,
                message: panic_message(panic.as_ref()),
            },
        };
        self.lock().failure.get_or_insert(failure);
        self.stopping.cancel();
    }

    fn drop_all(&self, after: Duration) -> TaskError {
        let tasks = self.lock().running.keys().copied().collect();
        self.dropping.cancel();
        TaskError::Stuck { tasks, after }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a task as running for as long as it lives.
struct Running {
    name: &'static str,
    group: Arc<Group>,
}

impl Running {
    fn new(name: &'static str, group: Arc<Group>) -> Self {
        *group.lock().running.entry(name).or_default() += 1;
        Self { name, group }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut state = self.group.lock();
        if let Some(count) = state.running.get_mut(self.name) {
            *count -= 1;
            if *count == 0 {
                state.running.remove(self.name);
            }
        }
    }
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "(no message)".to_owned())
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, io};

    use super::*;

    const DRAIN: Duration = Duration::from_secs(10);

    fn until_stopped(tasks: &Tasks) {
        let stopping = tasks.stopping();
        tasks.spawn("patient", async move {
            stopping.cancelled().await;
            Ok::<(), Infallible>(())
        });
    }

    #[tokio::test(start_paused = true)]
    async fn ends_well_when_stopped_or_done() {
        let tasks = Tasks::new();
        until_stopped(&tasks);
        tasks.stop();
        tasks.wait(DRAIN).await.unwrap();

        let tasks = Tasks::new();
        tasks.spawn("short", async { Ok::<(), Infallible>(()) });
        tasks.wait(DRAIN).await.unwrap();
        assert!(!tasks.stopping().is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_failure_stops_the_others() {
        let tasks = Tasks::new();
        until_stopped(&tasks);
        tasks.spawn("listener", async { Err(io::Error::other("port is busy")) });
        let error = tasks.wait(DRAIN).await.unwrap_err();
        assert_eq!(error.to_string(), "listener failed: port is busy");
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_is_a_failure() {
        let tasks = Tasks::new();
        until_stopped(&tasks);
        tasks.spawn::<_, Infallible>("rotator", async { panic!("no such {}", "slot") });
        let error = tasks.wait(DRAIN).await.unwrap_err();
        assert_eq!(error.to_string(), "rotator panicked: no such slot");
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_may_spawn_another() {
        let tasks = Tasks::new();
        let inner = tasks.clone();
        tasks.spawn("outer", async move {
            inner.spawn("inner", async { Err(io::Error::other("deep down")) });
            Ok::<(), Infallible>(())
        });
        let error = tasks.wait(DRAIN).await.unwrap_err();
        assert_eq!(error.to_string(), "inner failed: deep down");
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_drain_is_dropped_and_named() {
        let tasks = Tasks::new();
        until_stopped(&tasks);
        let (held, dropped) = tokio::sync::oneshot::channel::<()>();
        tasks.spawn::<_, Infallible>("stubborn", async move {
            let _held = held;
            std::future::pending().await
        });
        tasks.stop();
        let error = tasks.wait(DRAIN).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "still running 10s after the stop: stubborn"
        );
        assert!(dropped.await.is_err(), "its values were dropped");
    }
}
