//! The mechanics of publishing, in paused time, with a place that follows a script.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use steeple_plugin_sdk::{PluginError, bundlepublisher::BundlePublisher};
use steeple_spiffe::Bundle;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{Duration, Instant, timeout},
};
use tokio_util::sync::CancellationToken;

use super::Publishing;

/// What the place does when it is called; when the script is at its end it takes everything.
enum Act {
    Fail,
    Refuse,
    Hang,
}

struct Scripted {
    script: Mutex<VecDeque<Act>>,
    calls: mpsc::UnboundedSender<(u64, u64)>,
    start: Instant,
}

#[async_trait]
impl BundlePublisher for Scripted {
    async fn publish(&self, bundle: &Bundle) -> Result<(), PluginError> {
        let second = self.start.elapsed().as_secs();
        self.calls.send((second, bundle.sequence_number)).unwrap();
        let act = self.script.lock().unwrap().pop_front();
        match act {
            None => Ok(()),
            Some(Act::Fail) => Err(PluginError::Internal("the place is away".into())),
            Some(Act::Refuse) => Err(PluginError::InvalidArgument("too large".into())),
            Some(Act::Hang) => std::future::pending().await,
        }
    }
}

/// The places, running, and the bundle they are to hold.
struct World {
    bundle: watch::Sender<Option<Arc<Bundle>>>,
    /// Second and sequence number of each call, a list a place.
    calls: Vec<mpsc::UnboundedReceiver<(u64, u64)>>,
    cancel: CancellationToken,
    task: JoinHandle<()>,
}

impl World {
    fn new(first: Option<u64>, scripts: Vec<Vec<Act>>) -> Self {
        let bundle = watch::Sender::new(first.map(numbered));
        let mut publishing = Publishing {
            bundle: bundle.subscribe(),
            places: Vec::new(),
        };
        let mut calls = Vec::new();
        for script in scripts {
            let (sender, receiver) = mpsc::unbounded_channel();
            calls.push(receiver);
            let place = Scripted {
                script: Mutex::new(script.into()),
                calls: sender,
                start: Instant::now(),
            };
            publishing = publishing.to("double", Arc::new(place));
        }
        let cancel = CancellationToken::new();
        #[expect(clippy::disallowed_methods, reason = "World::stop awaits it")]
        let task = tokio::spawn(publishing.run(cancel.clone()));
        Self {
            bundle,
            calls,
            cancel,
            task,
        }
    }

    fn change(&self, sequence_number: u64) {
        self.bundle.send_replace(Some(numbered(sequence_number)));
    }

    async fn call(&mut self) -> (u64, u64) {
        self.calls[0].recv().await.unwrap()
    }

    async fn quiet(&mut self, seconds: u64) {
        let call = timeout(Duration::from_secs(seconds), self.calls[0].recv()).await;
        assert!(call.is_err(), "called {call:?}");
    }

    async fn stop(self) {
        self.cancel.cancel();
        self.task.await.unwrap();
    }
}

fn numbered(sequence_number: u64) -> Arc<Bundle> {
    Arc::new(Bundle {
        sequence_number,
        ..Bundle::empty("example.org".parse().unwrap())
    })
}

#[tokio::test(start_paused = true)]
async fn publishes_at_the_start_and_on_each_change_and_only_then() {
    let mut world = World::new(Some(1), vec![vec![]]);
    assert_eq!(world.call().await, (0, 1));
    world.quiet(100).await;
    world.change(2);
    assert_eq!(world.call().await, (100, 2));
    world.change(2);
    world.quiet(100).await;
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn waits_for_the_first_authority() {
    let mut world = World::new(None, vec![vec![]]);
    world.quiet(45).await;
    world.change(1);
    assert_eq!(world.call().await, (45, 1));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn tries_again_sooner_after_a_failure_then_settles() {
    let script = (0..8).map(|_| Act::Fail).collect();
    let mut world = World::new(Some(1), vec![script]);
    let mut seconds = Vec::new();
    for _ in 0..9 {
        seconds.push(world.call().await.0);
    }
    assert_eq!(seconds, [0, 1, 3, 7, 15, 31, 61, 91, 121]);
    world.quiet(100).await;
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_change_does_not_wait_for_the_next_try() {
    let script = (0..5).map(|_| Act::Fail).collect();
    let mut world = World::new(Some(1), vec![script]);
    for _ in 0..5 {
        world.call().await;
    }
    world.change(2);
    assert_eq!(world.call().await, (15, 2));
    world.quiet(100).await;
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_bundle_is_not_offered_again() {
    let mut world = World::new(Some(1), vec![vec![Act::Refuse]]);
    assert_eq!(world.call().await, (0, 1));
    world.quiet(200).await;
    world.change(2);
    assert_eq!(world.call().await, (200, 2));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_place_that_hangs_keeps_no_other_waiting_and_is_tried_again() {
    let mut world = World::new(Some(1), vec![vec![Act::Hang, Act::Hang], vec![]]);
    assert_eq!(world.call().await, (0, 1));
    assert_eq!(world.calls[1].recv().await, Some((0, 1)));
    world.change(2);
    assert_eq!(world.calls[1].recv().await, Some((0, 2)));
    assert_eq!(world.call().await.1, 2, "after the limit of the first call");
    world.stop().await;
}
