//! CA journals.

use rusqlite::{Connection, Row, params};
use steeple_proto::store::Entries;
use steeple_store::{Journal, StoreError};

use crate::{
    blob,
    txn::{Txn, all, find},
};

fn read(row: &Row<'_>) -> rusqlite::Result<Journal> {
    Ok(Journal {
        id: row.get(0)?,
        data: row.get::<_, Option<Vec<u8>>>(1)?.unwrap_or_default(),
        active_x509_authority_id: row.get::<_, Option<String>>(2)?.unwrap_or_default(),
    })
}

/// The journal whose authority in use has this ID.
pub(crate) fn fetch(connection: &Connection, active: &str) -> Result<Option<Journal>, StoreError> {
    let sql = "SELECT id, data, active_x509_authority_id FROM ca_journals \
               WHERE active_x509_authority_id = ? ORDER BY id LIMIT 1";
    find(connection, sql, [active], read)
}

/// Every journal.
pub(crate) fn every(connection: &Connection) -> Result<Vec<Journal>, StoreError> {
    let sql = "SELECT id, data, active_x509_authority_id FROM ca_journals ORDER BY id";
    all(connection, sql, [], read)
}

impl Txn<'_> {
    /// Creates or overwrites a journal.
    pub(crate) fn set_journal(&self, mut journal: Journal) -> Result<Journal, StoreError> {
        let Journal {
            id,
            data,
            active_x509_authority_id: active,
        } = &journal;
        if *id == 0 {
            let sql = "INSERT INTO ca_journals (created_at, updated_at, data, \
                       active_x509_authority_id, active_jwt_authority_id) VALUES (?1, ?1, ?2, ?3, '')";
            journal.id = self.insert(sql, params![self.now, data, active])?;
            return Ok(journal);
        }
        let sql = "UPDATE ca_journals SET updated_at = ?, data = ?, active_x509_authority_id = ? \
                   WHERE id = ?";
        match self.execute(sql, params![self.now, data, active, id])? {
            0 => Err(StoreError::NotFound),
            _ => Ok(journal),
        }
    }

    /// Deletes the journals whose authorities have all ended.
    pub(crate) fn prune_journals(&self, before: i64) -> Result<Vec<i64>, StoreError> {
        let mut pruned = Vec::new();
        for journal in every(self.connection())? {
            let entries: Entries = blob::decode(&journal.data, "a CA journal")?;
            let x509 = entries.x509_c_as.iter().map(|entry| entry.not_after);
            let jwt = entries.jwt_keys.iter().map(|entry| entry.not_after);
            if x509.chain(jwt).all(|not_after| not_after <= before) {
                self.execute("DELETE FROM ca_journals WHERE id = ?", [journal.id])?;
                pruned.push(journal.id);
            }
        }
        Ok(pruned)
    }
}
