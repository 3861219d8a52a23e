//! The checks, their cadence and their last results.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How often checks run until all is well for the first time.
const STARTING: Duration = Duration::from_secs(1);
/// How often they run from then on.
const STEADY: Duration = Duration::from_secs(60);

/// What a check found.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// Whether the part has finished starting. Until then a failure is no alarm.
    pub started: bool,
    /// Whether the part works, or can recover without a restart of the process.
    pub live: bool,
    /// Whether the part does its work now.
    pub ready: bool,
    /// What the liveness page shows; an object, or null when there is nothing to show.
    pub live_details: Value,
    /// What the readiness page shows.
    pub ready_details: Value,
}

impl State {
    /// All is well, with empty details.
    pub fn healthy() -> Self {
        let empty = Value::Object(serde_json::Map::new());
        Self {
            started: true,
            live: true,
            ready: true,
            live_details: empty.clone(),
            ready_details: empty,
        }
    }

    /// Neither live nor ready, with `{name: reason}` as details.
    pub fn failed(name: &str, reason: impl Into<String>) -> Self {
        let details: Value = [(name.to_owned(), Value::String(reason.into()))]
            .into_iter()
            .collect();
        Self {
            started: true,
            live: false,
            ready: false,
            live_details: details.clone(),
            ready_details: details,
        }
    }

    fn problem(&self) -> Option<&'static str> {
        match (self.ready, self.live) {
            (true, true) => None,
            (true, false) => Some("subsystem is not live"),
            (false, true) => Some("subsystem is not ready"),
            (false, false) => Some("subsystem is not live or ready"),
        }
    }
}

/// A part whose health can be asked. The answer should come within a second or so.
#[async_trait]
pub trait Check: Send + Sync {
    /// Looks now.
    async fn check(&self) -> State;
}

/// Why a check could not be added.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HealthError {
    /// The name is taken.
    #[error("check {0:?} has already been added")]
    Duplicate(String),
}

/// One page: whether all is well and each check's details.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Whether every check is content.
    pub well: bool,
    /// Details by check name.
    pub details: BTreeMap<String, Value>,
}

/// All checks of a process with their last results. Clones share them.
#[derive(Clone, Default)]
pub struct Health(Arc<Mutex<BTreeMap<String, Entry>>>);

struct Entry {
    check: Arc<dyn Check>,
    last: Option<Observed>,
}

#[derive(Clone)]
struct Observed {
    state: State,
    failures: u32,
    since: Instant,
}

impl Health {
    /// Without checks; all is well.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a check under a name that is shown to the outside.
    ///
    /// # Errors
    /// [`HealthError::Duplicate`] when the name is taken.
    pub fn add(&self, name: &str, check: Arc<dyn Check>) -> Result<(), HealthError> {
        let mut entries = self.lock();
        if entries.contains_key(name) {
            return Err(HealthError::Duplicate(name.to_owned()));
        }
        entries.insert(name.to_owned(), Entry { check, last: None });
        Ok(())
    }

    /// The liveness page. A check that has not run yet is not live.
    pub fn live(&self) -> Report {
        self.report(|state| (state.live, &state.live_details))
    }

    /// The readiness page. A check that has not run yet is not ready.
    pub fn ready(&self) -> Report {
        self.report(|state| (state.ready, &state.ready_details))
    }

    /// Runs the checks until `stopping` is cancelled: each second until all are live and ready
    /// for the first time, each minute from then on.
    pub async fn run(&self, stopping: CancellationToken) {
        let mut pause = STARTING;
        loop {
            let checked = async {
                self.check_all().await;
                if self.live().well && self.ready().well {
                    pause = STEADY;
                }
                tokio::time::sleep(pause).await;
            };
            tokio::select! {
                () = stopping.cancelled() => return,
                () = checked => {}
            }
        }
    }

    async fn check_all(&self) {
        let checks: Vec<_> = self
            .lock()
            .iter()
            .map(|(name, entry)| (name.clone(), Arc::clone(&entry.check)))
            .collect();
        for (name, check) in checks {
            let state = check.check().await;
            if let Some(entry) = self.lock().get_mut(&name) {
                entry.observe(&name, state);
            }
        }
    }

    fn report(&self, page: impl Fn(&State) -> (bool, &Value)) -> Report {
        let mut report = Report {
            well: true,
            details: BTreeMap::new(),
        };
        for (name, entry) in self.lock().iter() {
            let last = entry.last.as_ref().map(|last| page(&last.state));
            let (well, details) = last.unwrap_or((false, &Value::Null));
            report.well &= well;
            report.details.insert(name.clone(), details.clone());
        }
        report
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    /// Keeps the result, and logs it where it tells something new.
    fn observe(&mut self, name: &str, state: State) {
        let previous = self.last.take().filter(|last| last.failures > 0);
        let observed = match (state.problem(), &previous) {
            (None, None) => Observed {
                state,
                failures: 0,
                since: Instant::now(),
            },
            (None, Some(previous)) => {
                log_recovery(name, &state, previous);
                Observed {
                    state,
                    failures: 0,
                    since: Instant::now(),
                }
            }
            (Some(problem), None) => {
                log_failure(name, &state, problem);
                Observed {
                    state,
                    failures: 1,
                    since: Instant::now(),
                }
            }
            (Some(problem), Some(previous)) => {
                // What goes on as before is told once, what has started or changed, again.
                if previous.state.started != state.started {
                    log_failure(name, &state, problem);
                }
                let failures = previous.failures.saturating_add(1);
                Observed {
                    state,
                    failures,
                    since: previous.since,
                }
            }
        };
        self.last = Some(observed);
    }
}

fn log_failure(check: &str, state: &State, error: &str) {
    let details = state.ready_details.to_string();
    if state.started {
        tracing::error!(
            subsystem_name = "health",
            check,
            details,
            error,
            "Health check failed"
        );
    } else {
        tracing::warn!(
            subsystem_name = "health",
            check,
            details,
            error,
            "Health check has failed. Starting up still."
        );
    }
}

fn log_recovery(check: &str, state: &State, previous: &Observed) {
    tracing::info!(
        subsystem_name = "health",
        check,
        details = state.ready_details.to_string(),
        duration = previous.since.elapsed().as_secs_f64(),
        error = previous.state.problem(),
        failures = previous.failures,
        "Health check recovered"
    );
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

    use serde_json::json;

    use super::*;

    #[derive(Default)]
    struct Part {
        well: AtomicBool,
        asked: AtomicU32,
    }

    #[async_trait]
    impl Check for Part {
        async fn check(&self) -> State {
            self.asked.fetch_add(1, Ordering::SeqCst);
            match self.well.load(Ordering::SeqCst) {
                true => State::healthy(),
                false => State::failed("bundle_err", "no bundle"),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn every_second_until_well_then_every_minute() {
        let (health, part) = (Health::new(), Arc::new(Part::default()));
        health.add("server", Arc::<Part>::clone(&part)).unwrap();
        let report = health.ready();
        assert_eq!(
            (report.well, &report.details["server"]),
            (false, &Value::Null)
        );

        let stopping = CancellationToken::new();
        let running = health.clone();
        let run = running.run(stopping.clone());
        tokio::pin!(run);
        let asked = || part.asked.load(Ordering::SeqCst);
        for (seconds, wanted) in [(0, 1), (1, 2), (1, 3)] {
            let some_time = Duration::from_millis(seconds * 1000 + 1);
            assert!(tokio::time::timeout(some_time, &mut run).await.is_err());
            assert_eq!(asked(), wanted);
        }
        assert_eq!(
            health.live().details["server"],
            json!({"bundle_err": "no bundle"})
        );

        part.well.store(true, Ordering::SeqCst);
        assert!(
            tokio::time::timeout(Duration::from_secs(59), &mut run)
                .await
                .is_err()
        );
        assert_eq!(asked(), 4, "well: a minute of rest");
        let report = health.ready();
        assert_eq!((report.well, &report.details["server"]), (true, &json!({})));

        part.well.store(false, Ordering::SeqCst);
        assert!(
            tokio::time::timeout(Duration::from_secs(62), &mut run)
                .await
                .is_err()
        );
        assert!(!health.live().well);
        assert_eq!(asked(), 6, "no haste after the start");
        stopping.cancel();
        run.await;
    }

    #[test]
    fn a_name_is_taken_once() {
        let health = Health::new();
        health.add("agent", Arc::new(Part::default())).unwrap();
        let error = health.add("agent", Arc::new(Part::default())).unwrap_err();
        assert_eq!(error.to_string(), "check \"agent\" has already been added");
    }
}
