//! Join tokens.

use steeple_store::{JoinToken, NewEntry, StoreError};

use crate::{
    dialect::TAKE_JOIN_TOKEN,
    txn::{Txn, find},
};

impl Txn<'_> {
    /// Keeps a token and creates its agent's other name.
    pub(crate) fn create_join_token(
        &mut self,
        token: &JoinToken,
        alias: Option<NewEntry>,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO join_tokens (created_at, updated_at, token, expiry) \
                   VALUES (?1, ?1, ?2, ?3)";
        self.insert(sql, (&self.now, &token.token, token.expires_at))?;
        alias.map_or(Ok(()), |alias| self.create_entry(alias).map(|_| ()))
    }

    /// Takes a token out. One statement, so that of many users one has it.
    pub(crate) fn take_join_token(&self, token: String) -> Result<Option<JoinToken>, StoreError> {
        let expires_at = find(self.connection(), TAKE_JOIN_TOKEN, [&token], |row| {
            row.get(0)
        })?;
        Ok(expires_at.map(|expires_at| JoinToken { token, expires_at }))
    }

    /// Deletes the tokens that ended before a time.
    pub(crate) fn prune_join_tokens(&self, before: i64) -> Result<u64, StoreError> {
        Ok(self.execute("DELETE FROM join_tokens WHERE expiry < ?", [before])? as u64)
    }
}
