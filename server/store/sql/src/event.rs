//! The records of changes that other servers at the same database poll. They hold only an ID;
//! whoever reads one looks the record up again.

use steeple_store::StoreError;

use crate::txn::Txn;

impl Txn<'_> {
    pub(crate) fn entry_event(&self, entry_id: &str) -> Result<(), StoreError> {
        let sql = "INSERT INTO registered_entries_events (created_at, updated_at, entry_id) \
                   VALUES (?1, ?1, ?2)";
        self.insert(sql, (&self.now, entry_id)).map(|_| ())
    }

    pub(crate) fn node_event(&self, spiffe_id: &str) -> Result<(), StoreError> {
        let sql = "INSERT INTO attested_node_entries_events (created_at, updated_at, spiffe_id) \
                   VALUES (?1, ?1, ?2)";
        self.insert(sql, (&self.now, spiffe_id)).map(|_| ())
    }

    /// Deletes the records from before a time.
    pub(crate) fn prune_events(&self, before: &str) -> Result<u64, StoreError> {
        let entries = "DELETE FROM registered_entries_events WHERE created_at < ?";
        let nodes = "DELETE FROM attested_node_entries_events WHERE created_at < ?";
        Ok((self.execute(entries, [before])? + self.execute(nodes, [before])?) as u64)
    }
}
