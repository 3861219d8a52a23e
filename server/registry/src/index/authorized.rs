//! What the index answers.

use std::{fmt, sync::Arc};

use steeple_store::Entry;

/// The entries an agent may issue.
#[derive(Clone, Eq, PartialEq)]
pub struct AuthorizedEntries {
    /// Grows whenever this agent's entries change; starts anew with the server.
    pub revision: u64,
    /// The entries, ordered by their ID.
    pub entries: Arc<[Arc<Entry>]>,
}

impl AuthorizedEntries {
    pub(super) fn new(revision: u64, mut entries: Vec<Arc<Entry>>) -> Self {
        entries.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        Self {
            revision,
            entries: entries.into(),
        }
    }

    /// One of the entries, by its ID.
    pub fn get(&self, id: &str) -> Option<&Arc<Entry>> {
        let at = self
            .entries
            .binary_search_by(|entry| entry.id.as_ref().cmp(id))
            .ok()?;
        self.entries.get(at)
    }
}

impl fmt::Debug for AuthorizedEntries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids = self
            .entries
            .iter()
            .map(|entry| &entry.id)
            .collect::<Vec<_>>();
        f.debug_struct("AuthorizedEntries")
            .field("revision", &self.revision)
            .field("entries", &ids)
            .finish()
    }
}

/// What an identity's own entries let it do at the server.
#[derive(Clone, Debug, Default)]
pub struct CallerEntries {
    /// It may administer the server.
    pub admin: bool,
    /// The entry by which it may get an intermediate CA: the oldest one.
    pub downstream: Option<Arc<Entry>>,
}
