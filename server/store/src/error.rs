//! The one error of every store.

/// Why the store did not do what it was asked. Where the text reaches a client of the API it has
/// the prefix that SPIRE's clients know: `datastore-sql: ` or `datastore-validation: `.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The record that should be changed, deleted or referred to is not there.
    #[error("datastore-sql: record not found")]
    NotFound,
    /// A record with the same key is there already. The text names the constraint.
    #[error("datastore-sql: {0}")]
    AlreadyExists(String),
    /// The record breaks a rule; writing it again will fail again.
    #[error("datastore-validation: {0}")]
    Invalid(String),
    /// The caller asked for something that makes no sense in itself: it says so without prefix.
    #[error("{0}")]
    BadRequest(String),
    /// The record is fine, but what it refers to does not allow this now.
    #[error("{0}")]
    FailedPrecondition(String),
    /// An entry federates with a trust domain whose bundle is not known.
    #[error("unable to find federated bundle \"{0}\"")]
    NoFederatedBundle(String),
    /// The store did not get to it in time; nothing was written. Asking again may work.
    #[error("datastore-sql: {0}")]
    Busy(String),
    /// The disk or the quota is full; nothing was written. Reads still work.
    #[error("datastore-sql: {0}")]
    Full(String),
    /// The database could not be read or written for another reason.
    #[error("datastore-sql: {0}")]
    Io(String),
    /// What lies there is not a database, or is damaged. It has not been touched.
    #[error("datastore-sql: {0}")]
    Corrupt(String),
    /// The database is of a version that this program must not write to.
    #[error("datastore-sql: {0}")]
    Version(String),
    /// The store has been shut down.
    #[error("datastore-sql: the store is closed")]
    Closed,
}
