//! The change feed: what the database holds, and then every change of it, in order.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use steeple_spiffe::{Bundle, SpiffeId, TrustDomain};

use crate::{Entry, NodeRecord, StoreError};

/// One committed change.
#[derive(Clone, Debug)]
pub enum Change {
    /// An entry was created or updated; this is all of it.
    EntryPut(Arc<Entry>),
    /// The entry with this ID was deleted.
    EntryDeleted(Box<str>),
    /// A node was created or updated; this is all of it, selectors included.
    NodePut(Arc<NodeRecord>),
    /// The node was deleted.
    NodeDeleted(SpiffeId),
    /// A bundle was created or updated.
    BundlePut {
        /// The row, which orders lists of bundles.
        row: i64,
        /// All of the bundle.
        bundle: Arc<Bundle>,
    },
    /// The bundle of the trust domain was deleted.
    BundleDeleted(TrustDomain),
}

/// Is told what has changed.
///
/// Called after the commit and before the write is answered, from one thread, in the order of the
/// commits. It must be quick, must not call the store, and must not panic. It may be told the
/// same thing twice, so applying a change must be idempotent.
pub trait ChangeObserver: Send + Sync {
    /// Takes over a group of changes.
    fn apply(&self, changes: &[Change]);
}

/// The source of changes.
#[async_trait]
pub trait ChangeFeed: Send + Sync {
    /// First tells `observer` everything that is there (as changes: bundles, entries, nodes, each
    /// in row order), then every change from that point on, without a gap. Answers when the first part
    /// is done.
    ///
    /// # Errors
    /// When the database cannot be read; then the observer will not be told anything more.
    async fn observe(&self, observer: Arc<dyn ChangeObserver>) -> Result<(), StoreError>;

    /// Removes the records of past changes, kept for other servers, from before `before`.
    ///
    /// # Errors
    /// When the database cannot be written.
    async fn prune_events(&self, before: Timestamp) -> Result<u64, StoreError>;
}
