//! Writers beside writers, other processes, a full disk.

use std::{
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use rusqlite::Connection;
use steeple_store::{
    BundleStore as _, Change, ChangeFeed as _, ChangeObserver, JoinTokenStore as _, StoreError,
};
use tokio::{sync::oneshot, task::JoinSet};

use super::{create, folder, open};
use crate::SqlOptions;

fn count(path: &std::path::Path, table: &str) -> i64 {
    let connection = Connection::open(path).unwrap();
    connection
        .query_row(&format!("SELECT count(*) FROM {table}"), [], |row| {
            row.get(0)
        })
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn many_writers_at_once_all_get_what_they_were_told() {
    let folder = folder();
    let path = folder.path().join("d.sqlite3");
    let store = Arc::new(open(&path).await.unwrap());
    let mut writers = JoinSet::new();
    for n in 0..500 {
        let store = Arc::clone(&store);
        writers.spawn(async move { create(&store, n).await.unwrap() });
    }
    assert_eq!(writers.join_all().await.len(), 500);
    for table in [
        "registered_entries",
        "selectors",
        "registered_entries_events",
    ] {
        assert_eq!(count(&path, table), 500, "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_process_is_waited_for_and_only_so_long() {
    let folder = folder();
    let path = folder.path().join("d.sqlite3");
    let text = format!("{}?_busy_timeout=300", path.display());
    let options = SqlOptions::new(&text).unwrap();
    let store = crate::SqlStore::open(options, steeple_lifecycle::Clock::system())
        .await
        .unwrap();
    create(&store, 0).await.unwrap();

    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = create(&store, 1).await.unwrap_err();
    assert!(matches!(error, StoreError::Busy(_)), "{error}");
    let domain = "example.org".parse().unwrap();
    assert_eq!(
        store.fetch_bundle(&domain).await.unwrap(),
        None,
        "reads go on"
    );

    let waiting = create(&store, 2);
    let release = tokio::task::spawn_blocking(move || {
        std::thread::sleep(Duration::from_millis(50)); // another process at work
        other.execute_batch("COMMIT").unwrap();
    });
    let (waited, released) = tokio::join!(waiting, release);
    waited.unwrap();
    released.unwrap();
    assert_eq!(
        count(&path, "registered_entries"),
        2,
        "what was refused was not written"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_writes_only_and_they_resume() {
    let folder = folder();
    let path = folder.path().join("d.sqlite3");
    let store = open(&path).await.unwrap();
    create(&store, 0).await.unwrap();
    let pages: i64 = store.set_max_pages(Some(0)).await;
    assert!(pages > 0);
    let mut written = 1;
    let error = loop {
        match create(&store, written).await {
            Ok(_) => written += 1,
            Err(error) => break error,
        }
        assert!(written < 5000, "the limit has no effect");
    };
    assert!(matches!(error, StoreError::Full(_)), "{error}");
    assert!(
        error.to_string().contains("disk") || error.to_string().contains("room"),
        "{error}"
    );
    let domain = "example.org".parse().unwrap();
    assert_eq!(
        store.fetch_bundle(&domain).await.unwrap(),
        None,
        "reads go on"
    );
    assert!(
        store.take_join_token("x").await.is_ok(),
        "and so does what needs no room"
    );
    store.set_max_pages(None).await;
    create(&store, written).await.unwrap();
    assert_eq!(count(&path, "registered_entries"), written as i64 + 1);
}

#[tokio::test]
async fn events_are_kept_until_they_are_pruned() {
    let folder = folder();
    let path = folder.path().join("d.sqlite3");
    let store = open(&path).await.unwrap();
    create(&store, 0).await.unwrap();
    let now = steeple_lifecycle::Clock::system().now();
    assert_eq!(
        store
            .prune_events(now - Duration::from_secs(3600))
            .await
            .unwrap(),
        0
    );
    assert_eq!(
        store
            .prune_events(now + Duration::from_secs(3600))
            .await
            .unwrap(),
        1
    );
    assert_eq!(count(&path, "registered_entries_events"), 0);
}

/// Keeps the writer busy from when it says so until it is let go.
struct Gate {
    entered: Mutex<Option<oneshot::Sender<()>>>,
    release: Mutex<mpsc::Receiver<()>>,
}

impl ChangeObserver for Gate {
    fn apply(&self, _: &[Change]) {
        if let Some(entered) = self.entered.lock().unwrap().take() {
            entered.send(()).unwrap();
            self.release.lock().unwrap().recv().unwrap();
        }
    }
}

#[tokio::test]
async fn a_request_that_nobody_waits_for_any_more_is_not_run() {
    let folder = folder();
    let path = folder.path().join("d.sqlite3");
    let store = Arc::new(open(&path).await.unwrap());
    let (entered, has_entered) = oneshot::channel();
    let (let_go, release) = mpsc::channel();
    let gate = Arc::new(Gate {
        entered: Mutex::new(Some(entered)),
        release: Mutex::new(release),
    });
    let observed = Arc::clone(&store);
    let mut observing = JoinSet::new();
    observing.spawn(async move { observed.observe(gate).await });
    has_entered.await.unwrap();
    tokio::select! {
        biased; // so that it is asked for before it is given up
        _ = create(&store, 1) => panic!("the writer is busy"),
        () = std::future::ready(()) => {}
    }
    let_go.send(()).unwrap();
    create(&store, 2).await.unwrap();
    assert_eq!(count(&path, "registered_entries"), 1);
    observing.join_next().await.unwrap().unwrap().unwrap();
}
