//! Keeps credentials that are good, by one task that alone asks for new ones.
//!
//! Readers take what is there. They wait only when nothing good is there, and then all for the same
//! request. A failed renewal never takes away what is still good.

use std::{sync::Arc, time::Duration};

use steeple_lifecycle::Clock;
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use crate::{
    credentials::Credentials,
    identity::Source,
    log::Log,
    session::{Client, SessionError, jittered},
};

/// How long before their end credentials are replaced.
const MARGIN: Duration = Duration::from_secs(10 * 60);
/// The longest sleep: a machine that was suspended, or whose clock was set, notices soon.
const STEP: Duration = Duration::from_secs(60);
/// The least time between a failed request and the next, whoever wants it.
const PAUSE: Duration = Duration::from_secs(5);
/// The longest pause after failures.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How long a reader waits when nothing good is there.
const PATIENCE: Duration = Duration::from_secs(15);

/// What readers see.
#[derive(Clone, Debug, Default)]
struct State {
    credentials: Option<Arc<Credentials>>,
    /// Why the last request failed; none if it did not.
    failure: Option<String>,
    /// How many requests were made.
    requests: u64,
    /// Before this no further one is made.
    not_before: Option<Instant>,
    failures: u32,
}

/// The credentials, and what is needed to renew them.
pub(super) struct Keeper {
    source: Source,
    client: Client,
    clock: Clock,
    log: Log,
    state: watch::Sender<State>,
    wanted: Notify,
    reload: Notify,
}

impl Keeper {
    /// A keeper without credentials.
    pub(super) fn new(source: Source, client: Client, clock: Clock, log: Log) -> Self {
        Self {
            source,
            client,
            clock,
            log,
            state: watch::Sender::new(State::default()),
            wanted: Notify::new(),
            reload: Notify::new(),
        }
    }

    /// Gets the first credentials.
    ///
    /// # Errors
    /// When there are none to be had.
    pub(super) async fn start(&self) -> Result<(), SessionError> {
        self.request().await
    }

    /// Where certificate and key come from.
    pub(super) fn source(&self) -> &Source {
        &self.source
    }

    /// Asks for new credentials soon, whether or not they are due.
    pub(super) fn reload(&self) {
        self.reload.notify_one();
    }

    /// Renews in time, until `stopping`; whoever waits for credentials then is told so.
    pub(super) async fn run(&self, stopping: CancellationToken) {
        self.renew(stopping).await;
        self.state.send_modify(|state| {
            state.requests += 1;
            state.failure = Some("the program is ending".to_owned());
        });
    }

    async fn renew(&self, stopping: CancellationToken) {
        loop {
            let forced = tokio::select! {
                () = stopping.cancelled() => return,
                () = tokio::time::sleep(self.wait()) => false,
                () = self.wanted.notified() => false,
                () = self.reload.notified() => true,
            };
            let paused = self.state.borrow().not_before;
            if !forced && (!self.is_due() || paused.is_some_and(|until| Instant::now() < until)) {
                continue;
            }
            tokio::select! {
                () = stopping.cancelled() => return,
                renewed = self.request() => {
                    if let Err(error) = renewed {
                        self.tell(&error);
                    }
                }
            }
        }
    }

    /// The credentials, which last beyond now.
    ///
    /// # Errors
    /// When there are none; says why.
    pub(super) async fn get(&self) -> Result<Arc<Credentials>, String> {
        let mut seen = self.state.subscribe();
        let before = seen.borrow_and_update().clone();
        if let Some(good) = self.good(&before) {
            if self.is_due() {
                self.wanted.notify_one();
            }
            return Ok(good);
        }
        let why = |state: &State| {
            let failure = state.failure.clone();
            failure.unwrap_or_else(|| "the credentials have expired".to_owned())
        };
        if before
            .not_before
            .is_some_and(|until| Instant::now() < until)
        {
            return Err(why(&before));
        }
        self.wanted.notify_one();
        let newer = seen.wait_for(|state| state.requests > before.requests);
        match tokio::time::timeout(PATIENCE, newer).await {
            Ok(Ok(state)) => self.good(&state).ok_or_else(|| why(&state)),
            _ => Err(why(&before)),
        }
    }

    fn good(&self, state: &State) -> Option<Arc<Credentials>> {
        let now = self.clock.now();
        let credentials = state.credentials.as_ref();
        let good = credentials.filter(|credentials| !credentials.left(now).is_zero());
        good.map(Arc::clone)
    }

    fn is_due(&self) -> bool {
        self.due_in().is_zero()
    }

    fn due_in(&self) -> Duration {
        let state = self.state.borrow();
        let Some(credentials) = &state.credentials else {
            return Duration::ZERO;
        };
        let left = credentials.left(self.clock.now());
        left.saturating_sub(credentials.margin(MARGIN))
    }

    fn wait(&self) -> Duration {
        let pause = self.state.borrow().not_before;
        let pause = pause.map_or(Duration::ZERO, |until| until - Instant::now());
        self.due_in().max(pause).min(STEP)
    }

    async fn request(&self) -> Result<(), SessionError> {
        let created = match self.source.identity().await {
            Ok(identity) => self.client.create(&identity).await,
            Err(error) => Err(error.into()),
        };
        self.state.send_modify(|state| {
            state.requests += 1;
            match &created {
                Ok(credentials) => {
                    state.credentials = Some(Arc::new(credentials.clone()));
                    state.failure = None;
                    state.failures = 0;
                    state.not_before = None;
                }
                Err(error) => {
                    state.failure = Some(error.to_string());
                    state.failures += 1;
                    let pause = PAUSE + jittered(state.failures);
                    state.not_before = Some(Instant::now() + pause.min(LONGEST_PAUSE));
                }
            }
        });
        let credentials = created?;
        self.log.debug(format_args!(
            "credentials until {}",
            credentials.expiration_text
        ));
        Ok(())
    }

    fn tell(&self, error: &SessionError) {
        let good = self.good(&self.state.borrow());
        match good {
            Some(good) => self.log.line(format_args!(
                "{error}; serving the credentials at hand, good until {}",
                good.expiration_text
            )),
            None => self
                .log
                .line(format_args!("{error}; there are no credentials to serve")),
        }
    }
}
