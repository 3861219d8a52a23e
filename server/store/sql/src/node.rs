//! Attested nodes.

use std::sync::Arc;

use rusqlite::{Connection, Row, named_params};
use steeple_spiffe::{Selector, SpiffeId};
use steeple_store::{Change, DeletedNode, Entry, NodeRecord, NodeUpdate, StoreError};

use crate::{
    dialect::{seconds, seconds_text},
    entry::selector,
    txn::{Txn, all, find},
};

const COLUMNS: &str = "id, spiffe_id, data_type, serial_number, expires_at, new_serial_number, \
                       new_expires_at, can_reattest, agent_version";

/// The first nodes after row `after`, complete, and how far they reach. What cannot be read as a
/// node is left out with a word in the log.
pub(crate) fn after(
    connection: &Connection,
    after: i64,
    limit: usize,
) -> Result<(Vec<NodeRecord>, Option<i64>), StoreError> {
    let sql =
        format!("SELECT {COLUMNS} FROM attested_node_entries WHERE id > ? ORDER BY id LIMIT ?");
    let rows = all(connection, &sql, (after, limit as i64), RawNode::read)?;
    let last = rows.last().map(|row| row.id);
    let mut nodes = Vec::with_capacity(rows.len());
    for raw in rows {
        let id = raw.spiffe_id.clone();
        match raw.complete(connection) {
            Ok(node) => nodes.push(node),
            Err(StoreError::Corrupt(error)) => {
                tracing::error!(agent_id = %id, %error, "Ignoring a node that cannot be read");
            }
            Err(error) => return Err(error),
        }
    }
    Ok((nodes, last))
}

fn fetch(connection: &Connection, id: &SpiffeId) -> Result<Option<NodeRecord>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM attested_node_entries WHERE spiffe_id = ?");
    let raw = find(connection, &sql, [id.as_str()], RawNode::read)?;
    raw.map(|raw| raw.complete(connection)).transpose()
}

/// A row of the table, unread.
struct RawNode {
    id: i64,
    spiffe_id: String,
    attestation_type: String,
    serial: String,
    expires_at: Option<String>,
    new_serial: String,
    new_expires_at: Option<String>,
    can_reattest: bool,
    agent_version: String,
}

impl RawNode {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let text = |at| {
            row.get::<_, Option<String>>(at)
                .map(Option::unwrap_or_default)
        };
        Ok(Self {
            id: row.get(0)?,
            spiffe_id: row.get(1)?,
            attestation_type: text(2)?,
            serial: text(3)?,
            expires_at: row.get(4)?,
            new_serial: text(5)?,
            new_expires_at: row.get(6)?,
            can_reattest: row.get::<_, Option<bool>>(7)?.unwrap_or_default(),
            agent_version: text(8)?,
        })
    }

    fn complete(self, connection: &Connection) -> Result<NodeRecord, StoreError> {
        let id = SpiffeId::parse(&self.spiffe_id).map_err(|error| {
            StoreError::Corrupt(format!(
                "the ID {:?} cannot be read: {error}",
                self.spiffe_id
            ))
        })?;
        let sql =
            "SELECT type, value FROM node_resolver_map_entries WHERE spiffe_id = ? ORDER BY id";
        let read = |row: &Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?));
        let selectors = all(connection, sql, [id.as_str()], read)?;
        let time = |text: Option<String>| text.as_deref().map_or(Ok(0), seconds);
        Ok(NodeRecord {
            row: self.id,
            id,
            attestation_type: self.attestation_type,
            serial: self.serial,
            expires_at: time(self.expires_at)?,
            new_serial: self.new_serial,
            new_expires_at: time(self.new_expires_at)?,
            selectors: selectors
                .iter()
                .map(|(k, v)| selector(k, v))
                .collect::<Result<_, _>>()?,
            can_reattest: self.can_reattest,
            agent_version: self.agent_version,
        })
    }
}

impl Txn<'_> {
    /// Records a node that has attested.
    pub(crate) fn attest_node(
        &mut self,
        mut node: NodeRecord,
    ) -> Result<Arc<NodeRecord>, StoreError> {
        node.new_serial = String::new();
        node.new_expires_at = 0;
        match fetch(self.connection(), &node.id)? {
            Some(known) if known.is_banned() => {
                return Err(StoreError::FailedPrecondition("agent is banned".to_owned()));
            }
            Some(known) => {
                node.row = known.row;
                node.attestation_type = known.attestation_type;
                node.agent_version = known.agent_version;
                self.write_node_row(&node)?;
                if known.selectors != node.selectors {
                    self.put_node_selectors(&node.id, &node.selectors)?;
                }
            }
            None => {
                node.agent_version = String::new();
                node.row = self.insert_node(&node)?;
                self.put_node_selectors(&node.id, &node.selectors)?;
            }
        }
        self.node_put(node)
    }

    fn insert_node(&self, node: &NodeRecord) -> Result<i64, StoreError> {
        let sql = "INSERT INTO attested_node_entries (created_at, updated_at, spiffe_id, data_type, \
                   serial_number, expires_at, new_serial_number, new_expires_at, can_reattest, \
                   agent_version) VALUES (:now, :now, :id, :type, :serial, :expires_at, '', NULL, \
                   :can_reattest, '')";
        let row = named_params! {
            ":now": self.now, ":id": node.id.as_str(), ":type": node.attestation_type,
            ":serial": node.serial, ":expires_at": seconds_text(node.expires_at),
            ":can_reattest": node.can_reattest,
        };
        self.insert(sql, row)
    }

    fn write_node_row(&self, node: &NodeRecord) -> Result<(), StoreError> {
        let sql = "UPDATE attested_node_entries SET updated_at = :now, serial_number = :serial, \
                   expires_at = :expires_at, new_serial_number = :new_serial, \
                   new_expires_at = :new_expires_at, can_reattest = :can_reattest, \
                   agent_version = :version WHERE id = :id";
        let new_expires_at = (node.new_expires_at != 0).then(|| seconds_text(node.new_expires_at));
        let row = named_params! {
            ":now": self.now, ":id": node.row, ":serial": node.serial,
            ":expires_at": seconds_text(node.expires_at), ":new_serial": node.new_serial,
            ":new_expires_at": new_expires_at, ":can_reattest": node.can_reattest,
            ":version": node.agent_version,
        };
        self.execute(sql, row).map(|_| ())
    }

    fn put_node_selectors(&self, id: &SpiffeId, selectors: &[Selector]) -> Result<(), StoreError> {
        self.clear_node_selectors(id)?;
        let sql = "INSERT INTO node_resolver_map_entries (created_at, updated_at, spiffe_id, type, \
                   value) VALUES (?1, ?1, ?2, ?3, ?4)";
        selectors.iter().try_for_each(|selector| {
            let row = (&self.now, id.as_str(), selector.kind(), selector.value());
            self.execute(sql, row).map(|_| ())
        })
    }

    fn clear_node_selectors(&self, id: &SpiffeId) -> Result<(), StoreError> {
        let sql = "DELETE FROM node_resolver_map_entries WHERE spiffe_id = ?";
        self.execute(sql, [id.as_str()]).map(|_| ())
    }

    fn node_put(&mut self, node: NodeRecord) -> Result<Arc<NodeRecord>, StoreError> {
        self.node_event(node.id.as_str())?;
        let node = Arc::new(node);
        self.changed(Change::NodePut(Arc::clone(&node)));
        Ok(node)
    }

    /// Changes a known node.
    pub(crate) fn update_node(
        &mut self,
        id: &SpiffeId,
        update: NodeUpdate,
    ) -> Result<Arc<NodeRecord>, StoreError> {
        let mut node = fetch(self.connection(), id)?.ok_or(StoreError::NotFound)?;
        if let Some(selectors) = update.selectors {
            self.put_node_selectors(id, &selectors)?;
            node.selectors = selectors;
        }
        node.serial = update.serial.unwrap_or(node.serial);
        node.expires_at = update.expires_at.unwrap_or(node.expires_at);
        node.new_serial = update.new_serial.unwrap_or(node.new_serial);
        node.new_expires_at = update.new_expires_at.unwrap_or(node.new_expires_at);
        node.can_reattest = update.can_reattest.unwrap_or(node.can_reattest);
        node.agent_version = update.agent_version.unwrap_or(node.agent_version);
        self.write_node_row(&node)?;
        self.node_put(node)
    }

    /// Makes the renewed SVID the current one, if it still is the one the caller means.
    pub(crate) fn promote_node(
        &mut self,
        id: &SpiffeId,
        serial: &str,
    ) -> Result<Arc<NodeRecord>, StoreError> {
        let mut node = fetch(self.connection(), id)?.ok_or(StoreError::NotFound)?;
        if serial.is_empty() || node.new_serial != serial || node.is_banned() {
            return Ok(Arc::new(node));
        }
        node.serial = std::mem::take(&mut node.new_serial);
        node.expires_at = std::mem::take(&mut node.new_expires_at);
        self.write_node_row(&node)?;
        self.node_put(node)
    }

    /// Deletes a node and what belongs to it alone.
    pub(crate) fn delete_node(&mut self, id: &SpiffeId) -> Result<DeletedNode, StoreError> {
        let node = fetch(self.connection(), id)?.ok_or(StoreError::NotFound)?;
        let mut entries = Vec::new();
        if node.attestation_type == "join_token" {
            for entry in self.entries_below(id)? {
                if is_token_alias(&entry) {
                    entries.push(self.delete_entry(&entry.id)?);
                }
            }
        }
        self.clear_node_selectors(id)?;
        self.execute("DELETE FROM attested_node_entries WHERE id = ?", [node.row])?;
        self.node_event(id.as_str())?;
        self.changed(Change::NodeDeleted(id.clone()));
        Ok(DeletedNode {
            node: Arc::new(node),
            entries,
        })
    }

    /// Deletes up to `limit` nodes whose SVID has ended. Times are compared here: rows of other
    /// servers may have them in another zone.
    pub(crate) fn prune_nodes(
        &mut self,
        before: i64,
        include_non_reattestable: bool,
        limit: u32,
    ) -> Result<Vec<DeletedNode>, StoreError> {
        let sql = "SELECT spiffe_id, expires_at FROM attested_node_entries \
                   WHERE serial_number <> '' AND (can_reattest OR ?) ORDER BY id";
        let read = |row: &Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?));
        let nodes = all(self.connection(), sql, [include_non_reattestable], read)?;
        let mut deleted = Vec::new();
        for (id, expires_at) in nodes {
            if deleted.len() as u64 >= u64::from(limit) {
                break;
            }
            if let (Ok(id), true) = (SpiffeId::parse(&id), seconds(&expires_at)? < before) {
                deleted.push(self.delete_node(&id)?);
            }
        }
        Ok(deleted)
    }
}

/// Whether an entry is the other name that a join token has given its agent.
fn is_token_alias(entry: &Entry) -> bool {
    match &*entry.selectors {
        [only] => only.kind() == "spiffe_id" && only.value() == entry.parent_id.as_str(),
        _ => false,
    }
}
