//! Tests of the rules, on the real store.

mod bundles;
mod entries;
mod nodes;
mod tokens;

use std::sync::Arc;

use jiff::Timestamp;
use steeple_lifecycle::Clock;
use steeple_store::Store;
use steeple_store_sql::{SqlOptions, SqlStore};
use tempfile::TempDir;

use crate::{Registry, SelectorInput, ids::IdInput};

/// When the tests take place.
const NOW: i64 = 1_800_000_000;

/// A registry on a new database, and the folder that goes when this is dropped.
struct World {
    registry: Arc<Registry>,
    folder: TempDir,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let registry = start(&folder).await;
        Self { registry, folder }
    }

    /// As after a restart of the server.
    async fn restarted(self) -> Self {
        drop(self.registry);
        Self {
            registry: start(&self.folder).await,
            folder: self.folder,
        }
    }
}

async fn start(folder: &TempDir) -> Arc<Registry> {
    let path = folder.path().join("datastore.sqlite3");
    let options = SqlOptions::new(path.to_str().unwrap()).unwrap();
    let clock = Clock::following_tokio(Timestamp::from_second(NOW).unwrap());
    let store: Arc<dyn Store> = Arc::new(SqlStore::open(options, clock.clone()).await.unwrap());
    Registry::start("example.org".parse().unwrap(), store, clock)
        .await
        .unwrap()
}

fn input(path: &str) -> IdInput {
    IdInput {
        trust_domain: "example.org".into(),
        path: path.into(),
    }
}

fn selectors(texts: &[&str]) -> Vec<SelectorInput> {
    let split = |text: &&str| {
        let (kind, value) = text.split_once(':').unwrap();
        SelectorInput {
            kind: kind.into(),
            value: value.into(),
        }
    };
    texts.iter().map(split).collect()
}

#[tokio::test(start_paused = true)]
async fn what_has_ended_is_cleared_away() {
    let world = World::new().await;
    let registry = &world.registry;
    let entry = |path: &str, expires_at| crate::entries::EntryInput {
        spiffe_id: Some(input(path)),
        parent_id: Some(input("/host")),
        selectors: selectors(&["unix:uid:1"]),
        expires_at,
        ..Default::default()
    };
    let inputs = [
        entry("/ended", NOW - 60),
        entry("/lives", NOW + 3600),
        entry("/ever", 0),
    ];
    for created in registry.entries().create_batch(&inputs).await {
        created.unwrap();
    }
    assert_eq!(registry.prune_entries().await.unwrap(), 1);
    assert_eq!(registry.entries().count(&Default::default()).unwrap(), 2);
    assert_eq!(registry.prune_entries().await.unwrap(), 0);
    assert_eq!(registry.prune_events().await.unwrap(), 0);
    assert_eq!(registry.prune_tokens().await.unwrap(), 0);

    let cancel = tokio_util::sync::CancellationToken::new();
    cancel.cancel();
    registry.run(cancel).await;
}
