//! CA journals: which authorities a server has prepared, uses and has used.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::StoreError;

/// A journal. Servers that share a database have one each.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Journal {
    /// The row; 0 for one that has not been stored yet.
    pub id: i64,
    /// The encoded `steeple.store.Entries` message.
    pub data: Vec<u8>,
    /// By this a server finds its journal again: the ID of the X.509 authority in use.
    pub active_x509_authority_id: String,
}

/// Reads and writes journals.
#[async_trait]
pub trait JournalStore: Send + Sync {
    /// Creates the journal (`id` 0) or overwrites it, and answers it with its `id`.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when a journal with that `id` is gone; and when the database
    /// cannot be written.
    async fn set_journal(&self, journal: Journal) -> Result<Journal, StoreError>;

    /// The journal whose authority in use has this ID.
    ///
    /// # Errors
    /// When the database cannot be read.
    async fn fetch_journal(
        &self,
        active_x509_authority_id: &str,
    ) -> Result<Option<Journal>, StoreError>;

    /// Every journal there is.
    ///
    /// # Errors
    /// When the database cannot be read.
    async fn list_journals(&self) -> Result<Vec<Journal>, StoreError>;

    /// Deletes the journals whose authorities all ended before `before`; answers their rows.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a journal cannot be decoded; and when the database cannot be
    /// written.
    async fn prune_journals(&self, before: Timestamp) -> Result<Vec<i64>, StoreError>;
}
