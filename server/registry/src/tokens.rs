//! Join tokens: created by an administrator, used once by an agent.

use std::time::Duration;

use steeple_spiffe::{Selector, SpiffeId};
use steeple_store::{JoinToken, NewEntry};

use crate::{
    Registry, RegistryError,
    ids::{self, IdInput},
};

/// A token as it was created.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CreatedToken {
    /// The secret.
    pub token: String,
    /// When it ends, unix seconds.
    pub expires_at: i64,
}

/// See [`Registry::tokens`].
pub struct Tokens<'a>(pub(crate) &'a Registry);

impl Tokens<'_> {
    /// Creates a token that lives for `ttl` seconds. `token` empty: one is made up. With
    /// `agent_id`, the agent that uses the token gets that identity as another name.
    ///
    /// # Errors
    /// When `ttl` is not positive, `agent_id` is not a workload's, the token is there already,
    /// or the database fails.
    pub async fn create(
        &self,
        token: &str,
        ttl: i32,
        agent_id: Option<&IdInput>,
    ) -> Result<CreatedToken, RegistryError> {
        let invalid = |text: &str| RegistryError::InvalidArgument(text.to_owned());
        let ttl = u64::try_from(ttl).ok().filter(|ttl| *ttl > 0);
        let ttl = ttl.ok_or_else(|| invalid("ttl is required, you must provide one"))?;
        let alias = agent_id
            .map(|id| ids::workload(&self.0.domain, Some(id)))
            .transpose()
            .map_err(|why| RegistryError::invalid("invalid agent ID", why))?;
        let token = match token {
            "" => uuid::Uuid::new_v4().to_string(),
            given => given.to_owned(),
        };
        let alias = alias
            .map(|name| self.alias_entry(&token, name))
            .transpose()?;
        let expires_at = (self.0.clock.now() + Duration::from_secs(ttl)).as_second();
        let stored = JoinToken {
            token: token.clone(),
            expires_at,
        };
        let created = self.0.store.create_join_token(stored, alias).await;
        created.map_err(|e| RegistryError::Internal(format!("failed to create token: {e}")))?;
        Ok(CreatedToken { token, expires_at })
    }

    fn alias_entry(&self, token: &str, name: SpiffeId) -> Result<NewEntry, RegistryError> {
        let what = "failed to create join token registration entry: failed to create join token ID";
        let refuse =
            |why: &dyn std::fmt::Display| RegistryError::Internal(format!("{what}: {why}"));
        let agent = self.agent_of(token).map_err(|why| refuse(&why))?;
        let itself = Selector::new("spiffe_id", agent.as_str()).map_err(|why| refuse(&why))?;
        Ok(NewEntry::new(agent, name, vec![itself]))
    }

    /// The ID of the agent that attests with this token.
    ///
    /// # Errors
    /// When the token cannot be a path segment.
    pub fn agent_of(&self, token: &str) -> Result<SpiffeId, steeple_spiffe::IdError> {
        self.0
            .domain
            .member(&format!("/spire/agent/join_token/{token}"))
    }

    /// Uses a token up and answers the ID of its agent.
    ///
    /// # Errors
    /// [`RegistryError::InvalidArgument`] when the token does not exist, has been used, or has
    /// expired; an expired one is used up too.
    pub async fn take(&self, token: &str) -> Result<SpiffeId, RegistryError> {
        let taken = self.0.store.take_join_token(token).await;
        let taken = taken
            .map_err(|e| RegistryError::Internal(format!("failed to fetch join token: {e}")))?;
        let Some(taken) = taken else {
            return Err(RegistryError::InvalidArgument(
                "failed to attest: join token does not exist or has already been used".to_owned(),
            ));
        };
        if taken.expires_at < self.0.clock.now().as_second() {
            return Err(RegistryError::InvalidArgument(
                "join token expired".to_owned(),
            ));
        }
        self.agent_of(token)
            .map_err(|e| RegistryError::Internal(format!("failed to create join token ID: {e}")))
    }
}
