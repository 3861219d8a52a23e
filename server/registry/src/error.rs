//! Why the registry refuses, in the words that SPIRE's clients compare.

use steeple_store::StoreError;

/// A refusal. The variant says which gRPC code it is; the text is the status message.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RegistryError {
    /// The request is wrong in itself.
    #[error("{0}")]
    InvalidArgument(String),
    /// What it names does not exist.
    #[error("{0}")]
    NotFound(String),
    /// What it would create is there already.
    #[error("{0}")]
    AlreadyExists(String),
    /// The caller has lost the right to this.
    #[error("{0}")]
    PermissionDenied(String),
    /// The state of other records does not allow it.
    #[error("{0}")]
    FailedPrecondition(String),
    /// The database did not do its part.
    #[error("{0}")]
    Internal(String),
}

impl RegistryError {
    /// Says what failed before why it failed.
    pub(crate) fn invalid(operation: &str, why: impl std::fmt::Display) -> Self {
        Self::InvalidArgument(format!("{operation}: {why}"))
    }

    /// Joins what failed and the store's reason; a missing record gets no reason.
    pub(crate) fn from_store(operation: &str, error: StoreError) -> Self {
        let text = format!("{operation}: {error}");
        match error {
            StoreError::NotFound => Self::NotFound(operation.to_owned()),
            StoreError::AlreadyExists(_) => Self::AlreadyExists(text),
            StoreError::Invalid(_) | StoreError::BadRequest(_) => Self::InvalidArgument(text),
            StoreError::FailedPrecondition(_) => Self::FailedPrecondition(text),
            _ => Self::Internal(text),
        }
    }

    /// As [`Self::from_store`], with the text for a record that is not there.
    pub(crate) fn from_store_or(operation: &str, missing: &str, error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::NotFound(missing.to_owned()),
            // Where a client changes one named record, every other failure is the database's.
            other => Self::Internal(format!("{operation}: {other}")),
        }
    }
}
