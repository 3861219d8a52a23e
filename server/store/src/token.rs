//! Join tokens: secrets that admit one agent, once.

use std::fmt;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::{NewEntry, StoreError};

/// A join token.
#[derive(Clone, Eq, PartialEq)]
pub struct JoinToken {
    /// The secret itself.
    pub token: String,
    /// When it ends, unix seconds.
    pub expires_at: i64,
}

impl fmt::Debug for JoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinToken")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// Writes join tokens.
#[async_trait]
pub trait JoinTokenStore: Send + Sync {
    /// Keeps a token and, in the same transaction, creates the entry that gives its agent another
    /// name.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`] when the token is there already; and when the database
    /// cannot be written.
    async fn create_join_token(
        &self,
        token: JoinToken,
        alias: Option<NewEntry>,
    ) -> Result<(), StoreError>;

    /// Takes a token out, expired or not: of any number of callers one gets it, all others get
    /// `None`.
    ///
    /// # Errors
    /// When the database cannot be written.
    async fn take_join_token(&self, token: &str) -> Result<Option<JoinToken>, StoreError>;

    /// Deletes the tokens that ended before `before` and answers how many they were.
    ///
    /// # Errors
    /// When the database cannot be written.
    async fn prune_join_tokens(&self, before: Timestamp) -> Result<u64, StoreError>;
}
