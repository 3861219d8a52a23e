//! What the server keeps: the records, and one trait a noun that says how they are written.
//!
//! A store is for writes and recovery. Whoever needs to *read* entries, nodes or bundles often
//! gives a [`ChangeObserver`] to [`ChangeFeed::observe`] and keeps what it is told; only bundles
//! and journals, which the authority reads when it starts, have reads of their own.
//!
//! Every write is one transaction. It answers after its commit, and after the observers have seen
//! its changes, so whoever waited for the answer finds them there (read your writes).

pub mod bundle;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod entry;
pub mod feed;
pub mod journal;
pub mod node;
pub mod token;

mod builder;
mod error;

pub use builder::{PreparedStore, StoreBuilder};
pub use bundle::{BundleEdit, BundleStore, DeleteMode};
pub use entry::{
    CreatedEntry, Entry, EntryAttributes, EntryChanges, EntryStore, EntryUpdate, NewEntry,
};
pub use error::StoreError;
pub use feed::{Change, ChangeFeed, ChangeObserver};
pub use journal::{Journal, JournalStore};
pub use node::{DeletedNode, NodeRecord, NodeStore, NodeUpdate};
pub use token::{JoinToken, JoinTokenStore};

/// Everything a server needs of its database.
pub trait Store:
    EntryStore + NodeStore + BundleStore + JoinTokenStore + JournalStore + ChangeFeed
{
}

impl<T> Store for T where
    T: EntryStore + NodeStore + BundleStore + JoinTokenStore + JournalStore + ChangeFeed
{
}
