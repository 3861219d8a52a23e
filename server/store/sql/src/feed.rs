//! Telling a new observer what is there.

use std::sync::Arc;

use rusqlite::Connection;
use steeple_store::{Change, ChangeObserver, StoreError};

use crate::{bundle, entry, node};

/// How many records an observer is told at a time.
const CHUNK: usize = 1000;

/// Tells `observer` everything. Runs in one transaction, hence sees one state.
pub(crate) fn replay(
    connection: &Connection,
    observer: &dyn ChangeObserver,
) -> Result<(), StoreError> {
    let put = |stored: bundle::Stored| Change::BundlePut {
        row: stored.row,
        bundle: Arc::new(stored.bundle),
    };
    let bundles: Vec<Change> = bundle::every(connection)?.into_iter().map(put).collect();
    observer.apply(&bundles);
    in_chunks(observer, |after| {
        let (entries, last) = entry::after(connection, after, CHUNK)?;
        let put = |entry| Change::EntryPut(Arc::new(entry));
        Ok((entries.into_iter().map(put).collect(), last))
    })?;
    in_chunks(observer, |after| {
        let (nodes, last) = node::after(connection, after, CHUNK)?;
        let put = |node| Change::NodePut(Arc::new(node));
        Ok((nodes.into_iter().map(put).collect(), last))
    })
}

fn in_chunks(
    observer: &dyn ChangeObserver,
    mut read: impl FnMut(i64) -> Result<(Vec<Change>, Option<i64>), StoreError>,
) -> Result<(), StoreError> {
    let mut after = i64::MIN;
    loop {
        let (changes, last) = read(after)?;
        let Some(last) = last else { return Ok(()) };
        observer.apply(&changes);
        after = last;
    }
}
