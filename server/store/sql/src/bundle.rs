//! Bundles.

use std::sync::Arc;

use rusqlite::{Connection, Row, params};
use steeple_spiffe::{Bundle, TrustDomain};
use steeple_store::{BundleEdit, Change, DeleteMode, StoreError};

use crate::{
    blob,
    txn::{Txn, all, find},
};

/// A bundle's row.
pub(crate) struct Stored {
    pub(crate) row: i64,
    data: Vec<u8>,
    pub(crate) bundle: Bundle,
}

/// The bundle of a trust domain.
pub(crate) fn fetch(
    connection: &Connection,
    domain: &TrustDomain,
) -> Result<Option<Stored>, StoreError> {
    let sql = "SELECT id, data FROM bundles WHERE trust_domain = ?";
    let id = domain.id();
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get::<_, Option<Vec<u8>>>(1)?));
    let found = find(connection, sql, [id.as_str()], read)?;
    found
        .map(|(row, data)| Stored::read(row, id.as_str(), data.unwrap_or_default()))
        .transpose()
}

/// Every bundle, in row order. One that cannot be read is an error: to lose sight of a trust
/// domain's keys is worse than not to start.
pub(crate) fn every(connection: &Connection) -> Result<Vec<Stored>, StoreError> {
    let sql = "SELECT id, trust_domain, data FROM bundles ORDER BY id";
    let read = |row: &Row<'_>| {
        Ok((
            row.get(0)?,
            row.get::<_, String>(1)?,
            row.get::<_, Option<Vec<u8>>>(2)?,
        ))
    };
    let rows = all(connection, sql, [], read)?;
    rows.into_iter()
        .map(|(row, domain, data)| Stored::read(row, &domain, data.unwrap_or_default()))
        .collect()
}

impl Stored {
    fn read(row: i64, domain: &str, data: Vec<u8>) -> Result<Self, StoreError> {
        let bundle = blob::decode_bundle(domain, &data)?;
        Ok(Self { row, data, bundle })
    }
}

impl Txn<'_> {
    /// Lets `editor` decide what becomes of a bundle; answers it, and whether it was written.
    pub(crate) fn edit_bundle(
        &mut self,
        domain: &TrustDomain,
        editor: impl FnOnce(Option<&Bundle>) -> Result<BundleEdit, StoreError>,
    ) -> Result<(Option<Arc<Bundle>>, bool), StoreError> {
        let stored = fetch(self.connection(), domain)?;
        match editor(stored.as_ref().map(|stored| &stored.bundle))? {
            BundleEdit::Keep => Ok((stored.map(|stored| Arc::new(stored.bundle)), false)),
            BundleEdit::Put(bundle) => {
                let bundle = Arc::new(bundle);
                let row = self.put_bundle(stored.as_ref(), &bundle)?;
                self.changed(Change::BundlePut {
                    row,
                    bundle: Arc::clone(&bundle),
                });
                Ok((Some(bundle), true))
            }
        }
    }

    fn put_bundle(&self, old: Option<&Stored>, bundle: &Bundle) -> Result<i64, StoreError> {
        let data = blob::encode_bundle(bundle, old.map(|old| old.data.as_slice()))?;
        match old {
            Some(old) => {
                let sql = "UPDATE bundles SET updated_at = ?, data = ? WHERE id = ?";
                self.execute(sql, params![self.now, data, old.row])?;
                Ok(old.row)
            }
            None => {
                let sql = "INSERT INTO bundles (created_at, updated_at, trust_domain, data) \
                           VALUES (?1, ?1, ?2, ?3)";
                self.insert(
                    sql,
                    params![self.now, bundle.trust_domain.id().as_str(), data],
                )
            }
        }
    }

    /// Deletes a bundle.
    pub(crate) fn delete_bundle(
        &mut self,
        domain: &TrustDomain,
        mode: DeleteMode,
    ) -> Result<(), StoreError> {
        let row = fetch(self.connection(), domain)?
            .ok_or(StoreError::NotFound)?
            .row;
        let sql = "SELECT e.id, e.entry_id FROM federated_registration_entries f \
                   JOIN registered_entries e ON e.id = f.registered_entry_id \
                   WHERE f.bundle_id = ? ORDER BY e.id";
        let read = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?));
        let entries = all(self.connection(), sql, [row], read)?;
        if mode == DeleteMode::Restrict && !entries.is_empty() {
            return Err(StoreError::FailedPrecondition(format!(
                "datastore-sql: cannot delete bundle; federated with {} registration entries",
                entries.len()
            )));
        }
        self.execute(
            "DELETE FROM federated_registration_entries WHERE bundle_id = ?",
            [row],
        )?;
        for (entry, id) in &entries {
            match mode {
                DeleteMode::Delete => drop(self.delete_entry(id)?),
                DeleteMode::Restrict | DeleteMode::Dissociate => self.entry_touched(*entry)?,
            }
        }
        self.execute("DELETE FROM bundles WHERE id = ?", [row])?;
        self.changed(Change::BundleDeleted(domain.clone()));
        Ok(())
    }
}
