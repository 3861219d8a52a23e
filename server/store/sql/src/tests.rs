//! Tests of the store as a whole, each on a database file of its own.

mod durability;
mod files;
mod schema;

use std::path::Path;

use steeple_lifecycle::Clock;
use steeple_store::{CreatedEntry, EntryStore as _, NewEntry, StoreError};
use tempfile::TempDir;

use crate::{SqlOptions, SqlStore};

/// A folder for a database, which goes when it is dropped.
fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

async fn open(path: &Path) -> Result<SqlStore, StoreError> {
    let options = SqlOptions::new(path.to_str().unwrap()).unwrap();
    SqlStore::open(options, Clock::system()).await
}

/// The `n`th of many different entries.
fn entry(n: usize) -> NewEntry {
    let id = |path: String| format!("spiffe://example.org{path}").parse().unwrap();
    let selector = format!("unix:uid:{n}").parse().unwrap();
    NewEntry::new(id("/host".into()), id(format!("/w{n}")), vec![selector])
}

async fn create(store: &SqlStore, n: usize) -> Result<CreatedEntry, StoreError> {
    store.create_entries(vec![entry(n)]).await?.remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn conforms() {
    let folder = folder();
    let next = std::sync::atomic::AtomicUsize::new(0);
    let fresh = async || {
        let n = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        open(&folder.path().join(format!("{n}.sqlite3")))
            .await
            .unwrap()
    };
    steeple_store::conformance::run(fresh).await;
}
