//! The journal: which authority is in which slot, written where the next start finds it.

use std::sync::Arc;

use prost::Message as _;
use steeple_plugin_sdk::keymanager::KeyInfo;
use steeple_proto::store::{Entries, JwtKeyEntry, Status, X509caEntry};
use steeple_spiffe::keyid;
use steeple_store::{Journal as Record, JournalStore};

use crate::{
    AuthorityError,
    active::{JwtKey, X509Ca},
    slot::Held,
};

/// Entries of a kind that are kept.
const CAP: usize = 10;

/// This server's journal, and whether the database has all of it.
pub(crate) struct Journal {
    store: Arc<dyn JournalStore>,
    id: i64,
    active_x509: String,
    pub(crate) entries: Entries,
    unsaved: bool,
}

impl Journal {
    /// Finds the journal of the server that holds `keys`: its active X.509 authority is one of
    /// them. Where there is none, an empty one.
    pub(crate) async fn find(
        store: Arc<dyn JournalStore>,
        keys: &[KeyInfo],
    ) -> Result<Self, AuthorityError> {
        for key in keys {
            let authority_id = keyid::authority_id(&key.public_key)?;
            let record = store
                .fetch_journal(&authority_id)
                .await
                .map_err(AuthorityError::store("fetch the CA journal"))?;
            if let Some(record) = record {
                tracing::debug!(
                    subsystem_name = "ca_manager",
                    ca_journal_id = record.id,
                    local_authority_id = authority_id,
                    "Found a CA journal record that matches with a local X509 authority ID"
                );
                return Self::open(store, record);
            }
        }
        Ok(Self::open_empty(store))
    }

    fn open_empty(store: Arc<dyn JournalStore>) -> Self {
        let (id, active_x509, entries) = (0, String::new(), Entries::default());
        Self {
            store,
            id,
            active_x509,
            entries,
            unsaved: false,
        }
    }

    fn open(store: Arc<dyn JournalStore>, record: Record) -> Result<Self, AuthorityError> {
        let Record {
            id,
            data,
            active_x509_authority_id: active_x509,
        } = record;
        let entries = Entries::decode(data.as_slice()).map_err(|e| AuthorityError::BadJournal {
            id,
            reason: e.to_string(),
        })?;
        Ok(Self {
            store,
            id,
            active_x509,
            entries,
            unsaved: false,
        })
    }

    /// Whether this is a journal that has been stored before.
    pub(crate) fn is_known(&self) -> bool {
        self.id != 0
    }

    /// Notes a prepared CA.
    pub(crate) fn add_x509(&mut self, held: &Held<Arc<X509Ca>>) {
        push(
            &mut self.entries.x509_c_as,
            X509caEntry {
                slot_id: held.slot.letter().to_owned(),
                issued_at: held.issued_at.as_second(),
                certificate: held.authority.certificate.der.clone().into(),
                upstream_chain: held
                    .authority
                    .upstream_chain
                    .iter()
                    .cloned()
                    .map(Into::into)
                    .collect(),
                status: Status::Prepared.into(),
                authority_id: held.authority_id.clone(),
                not_after: held.not_after.as_second(),
                upstream_authority_id: held.authority.upstream_authority_id(),
            },
        );
        self.unsaved = true;
    }

    /// Notes a prepared JWT key.
    pub(crate) fn add_jwt(&mut self, held: &Held<Arc<JwtKey>>) {
        push(
            &mut self.entries.jwt_keys,
            JwtKeyEntry {
                slot_id: held.slot.letter().to_owned(),
                issued_at: held.issued_at.as_second(),
                not_after: held.not_after.as_second(),
                kid: held.authority.key_id.clone(),
                public_key: held.authority.key.public_key.clone().into(),
                status: Status::Prepared.into(),
                authority_id: held.authority_id.clone(),
            },
        );
        self.unsaved = true;
    }

    /// Notes what has become of a CA.
    pub(crate) fn mark_x509(&mut self, authority_id: &str, status: Status) {
        if status == Status::Active && self.active_x509 != authority_id {
            authority_id.clone_into(&mut self.active_x509);
            self.unsaved = true;
        }
        let mut entries = self.entries.x509_c_as.iter_mut().rev();
        if let Some(entry) = entries.find(|entry| entry.authority_id == authority_id) {
            self.unsaved |= entry.status != i32::from(status);
            entry.status = status.into();
        }
    }

    /// Notes what has become of a JWT key.
    pub(crate) fn mark_jwt(&mut self, authority_id: &str, status: Status) {
        let mut entries = self.entries.jwt_keys.iter_mut().rev();
        if let Some(entry) = entries.find(|entry| entry.authority_id == authority_id) {
            self.unsaved |= entry.status != i32::from(status);
            entry.status = status.into();
        }
    }

    /// Writes what the database does not have yet. Without an active CA nothing could find the
    /// record again, so nothing is written.
    pub(crate) async fn save(&mut self) -> Result<(), AuthorityError> {
        if !self.unsaved || self.active_x509.is_empty() {
            return Ok(());
        }
        if self.id == 0 {
            tracing::info!(
                subsystem_name = "ca_manager",
                "Creating a new CA journal entry"
            );
        }
        let record = Record {
            id: self.id,
            data: self.entries.encode_to_vec(),
            active_x509_authority_id: self.active_x509.clone(),
        };
        let stored = self
            .store
            .set_journal(record)
            .await
            .map_err(AuthorityError::store("save the CA journal"))?;
        (self.id, self.unsaved) = (stored.id, false);
        tracing::debug!(
            subsystem_name = "ca_manager",
            ca_journal_id = self.id,
            local_authority_id = self.active_x509,
            "Successfully stored CA journal entry in datastore"
        );
        Ok(())
    }
}

fn push<T>(entries: &mut Vec<T>, entry: T) {
    entries.push(entry);
    entries.drain(..entries.len().saturating_sub(CAP));
}
