//! Registration entries: who may get which identity where.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use steeple_spiffe::{Selector, SpiffeId, TrustDomain};

use crate::StoreError;

/// Settings of an entry that few use.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct EntryAttributes {
    /// Agents mint the X.509-SVID only when a workload asks.
    pub disable_x509_svid_prefetch: bool,
    /// JWT-SVIDs carry a unique ID, and are not cached.
    pub jwt_svid_include_jti: bool,
}

/// A registration entry as it is stored. Kept small, since all of them are held in memory: IDs
/// and selectors share their text with other entries, and empty lists own nothing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// The row in the database; orders lists and is what page tokens are made of.
    pub row: i64,
    /// The entry's own ID.
    pub id: Box<str>,
    /// The identity that is issued.
    pub spiffe_id: SpiffeId,
    /// The agent or other identity that may issue it.
    pub parent_id: SpiffeId,
    /// What a workload (or node) must have, all of it.
    pub selectors: Box<[Selector]>,
    /// Lifetime of X.509-SVIDs in seconds; 0 for the server's default.
    pub x509_svid_ttl: i32,
    /// Lifetime of JWT-SVIDs in seconds; 0 for the server's default.
    pub jwt_svid_ttl: i32,
    /// Whose bundles a workload gets beside its own.
    pub federates_with: Box<[TrustDomain]>,
    /// The identity may administer the server.
    pub admin: bool,
    /// The identity may get an intermediate CA.
    pub downstream: bool,
    /// The SVID goes to a store, not to a workload.
    pub store_svid: bool,
    /// When the entry ends, in unix seconds; 0 for never.
    pub expires_at: i64,
    /// DNS names in the X.509-SVID, in the order given.
    pub dns_names: Box<[Box<str>]>,
    /// Counts the updates, from 0.
    pub revision: i64,
    /// Tells a workload which of its SVIDs this is.
    pub hint: Box<str>,
    /// Unix seconds.
    pub created_at: i64,
    /// Settings that few use.
    pub attributes: EntryAttributes,
}

/// An entry to be created. What the rules of the registry say about its values has been checked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NewEntry {
    /// The ID the caller wants; one is made up when this is `None`.
    pub id: Option<String>,
    /// The identity that is issued.
    pub spiffe_id: SpiffeId,
    /// The agent or other identity that may issue it.
    pub parent_id: SpiffeId,
    /// What a workload (or node) must have.
    pub selectors: Vec<Selector>,
    /// Lifetime of X.509-SVIDs in seconds; 0 for the server's default.
    pub x509_svid_ttl: i32,
    /// Lifetime of JWT-SVIDs in seconds; 0 for the server's default.
    pub jwt_svid_ttl: i32,
    /// Whose bundles a workload gets beside its own. Each must have a bundle in the store.
    pub federates_with: Vec<TrustDomain>,
    /// The identity may administer the server.
    pub admin: bool,
    /// The identity may get an intermediate CA.
    pub downstream: bool,
    /// The SVID goes to a store, not to a workload.
    pub store_svid: bool,
    /// When the entry ends, in unix seconds; 0 for never.
    pub expires_at: i64,
    /// DNS names in the X.509-SVID.
    pub dns_names: Vec<String>,
    /// Tells a workload which of its SVIDs this is.
    pub hint: String,
    /// Settings that few use.
    pub attributes: EntryAttributes,
}

impl NewEntry {
    /// The smallest entry: everything else is zero, empty or false.
    pub fn new(parent_id: SpiffeId, spiffe_id: SpiffeId, selectors: Vec<Selector>) -> Self {
        Self {
            id: None,
            spiffe_id,
            parent_id,
            selectors,
            x509_svid_ttl: 0,
            jwt_svid_ttl: 0,
            federates_with: Vec::new(),
            admin: false,
            downstream: false,
            store_svid: false,
            expires_at: 0,
            dns_names: Vec::new(),
            hint: String::new(),
            attributes: EntryAttributes::default(),
        }
    }
}

/// What an update changes: `None` leaves the value as it is.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct EntryChanges {
    /// See [`Entry::spiffe_id`].
    pub spiffe_id: Option<SpiffeId>,
    /// See [`Entry::parent_id`].
    pub parent_id: Option<SpiffeId>,
    /// See [`Entry::selectors`].
    pub selectors: Option<Vec<Selector>>,
    /// See [`Entry::x509_svid_ttl`].
    pub x509_svid_ttl: Option<i32>,
    /// See [`Entry::jwt_svid_ttl`].
    pub jwt_svid_ttl: Option<i32>,
    /// See [`Entry::federates_with`].
    pub federates_with: Option<Vec<TrustDomain>>,
    /// See [`Entry::admin`].
    pub admin: Option<bool>,
    /// See [`Entry::downstream`].
    pub downstream: Option<bool>,
    /// See [`Entry::store_svid`].
    pub store_svid: Option<bool>,
    /// See [`Entry::expires_at`].
    pub expires_at: Option<i64>,
    /// See [`Entry::dns_names`].
    pub dns_names: Option<Vec<String>>,
    /// See [`Entry::hint`].
    pub hint: Option<String>,
    /// See [`Entry::attributes`].
    pub attributes: Option<EntryAttributes>,
}

/// An update of one entry.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EntryUpdate {
    /// Which entry.
    pub id: String,
    /// What changes. Its revision grows by one even when nothing does.
    pub changes: EntryChanges,
}

/// What became of a creation.
#[derive(Clone, Debug)]
pub enum CreatedEntry {
    /// It was created.
    New(Arc<Entry>),
    /// An entry with the same parent, identity and set of selectors is there: this one. Nothing
    /// was written.
    Similar(Arc<Entry>),
}

/// Writes entries. A batch is one trip to the database; its items succeed and fail on their own.
#[async_trait]
pub trait EntryStore: Send + Sync {
    /// Creates entries; the answers are in the order of `entries`.
    ///
    /// # Errors
    /// When the batch as a whole could not be brought to the database.
    async fn create_entries(
        &self,
        entries: Vec<NewEntry>,
    ) -> Result<Vec<Result<CreatedEntry, StoreError>>, StoreError>;

    /// Updates entries; the answers are in the order of `updates`.
    ///
    /// # Errors
    /// When the batch as a whole could not be brought to the database.
    async fn update_entries(
        &self,
        updates: Vec<EntryUpdate>,
    ) -> Result<Vec<Result<Arc<Entry>, StoreError>>, StoreError>;

    /// Deletes entries and answers what they were, in the order of `ids`.
    ///
    /// # Errors
    /// When the batch as a whole could not be brought to the database.
    async fn delete_entries(
        &self,
        ids: Vec<String>,
    ) -> Result<Vec<Result<Arc<Entry>, StoreError>>, StoreError>;

    /// Deletes the entries that ended before `before` and answers what they were.
    ///
    /// # Errors
    /// When the database cannot be written; some may have been deleted by then.
    async fn prune_entries(&self, before: Timestamp) -> Result<Vec<Arc<Entry>>, StoreError>;
}
