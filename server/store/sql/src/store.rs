//! The store: each request becomes work for the writer or for a reader.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::Connection;
use steeple_lifecycle::Clock;
use steeple_spiffe::{Bundle, SpiffeId, TrustDomain};
use steeple_store::{
    BundleStore, ChangeFeed, ChangeObserver, CreatedEntry, DeleteMode, DeletedNode, Entry,
    EntryStore, EntryUpdate, JoinToken, JoinTokenStore, Journal, JournalStore, NewEntry,
    NodeRecord, NodeStore, NodeUpdate, StoreError, bundle::BundleEditor,
};

use crate::{
    bundle, connection,
    dialect::time_text,
    journal, migrate,
    reader::Readers,
    target::{Target, TargetError},
    txn::Txn,
    writer::Writer,
};

/// How many entries are pruned in one transaction.
const PRUNE: usize = 500;

/// Where the database lies and how it is used.
#[derive(Clone, Debug)]
pub struct SqlOptions {
    pub(crate) target: Target,
    pub(crate) disable_migration: bool,
}

impl SqlOptions {
    /// Reads a connection string: a path, or a `file:` URI, with SQLite's parameters.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] when it is none.
    pub fn new(connection_string: &str) -> Result<Self, StoreError> {
        let target = Target::parse(connection_string);
        let target = target.map_err(|error: TargetError| StoreError::Invalid(error.to_string()))?;
        Ok(Self {
            target,
            disable_migration: false,
        })
    }
}

/// A store in an SQLite database.
pub struct SqlStore {
    clock: Clock,
    readers: Readers,
    writer: Writer,
}

impl SqlStore {
    /// Opens the database, creating or migrating it where that is due.
    ///
    /// # Errors
    /// When it cannot be opened or is not one this program may use; then it has not been touched.
    pub async fn open(options: SqlOptions, clock: Clock) -> Result<Self, StoreError> {
        let now = clock.now();
        let SqlOptions {
            target,
            disable_migration,
        } = options;
        let opening = tokio::task::spawn_blocking(move || {
            let connection = connection::writer(&target)?;
            migrate::migrate(&connection, disable_migration, now)?;
            Ok::<_, StoreError>((connection, target))
        });
        let opened = opening.await;
        let (connection, target) = opened.unwrap_or_else(|error| {
            Err(StoreError::Io(format!(
                "opening the database broke off: {error}"
            )))
        })?;
        Ok(Self {
            clock,
            readers: Readers::new(target),
            writer: Writer::start(connection)?,
        })
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Txn<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.writer.write(self.clock.now(), work).await
    }

    /// Each item succeeds or fails on its own.
    async fn write_each<I: Send + 'static, T: Send + 'static>(
        &self,
        items: Vec<I>,
        work: impl Fn(&mut Txn<'_>, I) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<Vec<Result<T, StoreError>>, StoreError> {
        let each = move |txn: &mut Txn<'_>| {
            let attempt = |item| txn.attempt(|txn| work(txn, item));
            Ok(items.into_iter().map(attempt).collect())
        };
        self.write(each).await
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.readers.read(work).await
    }
}

impl Drop for SqlStore {
    fn drop(&mut self) {
        // The writer's connection is to be the last, so that SQLite tidies up when it closes.
        self.readers.close();
    }
}

#[async_trait]
impl EntryStore for SqlStore {
    async fn create_entries(
        &self,
        entries: Vec<NewEntry>,
    ) -> Result<Vec<Result<CreatedEntry, StoreError>>, StoreError> {
        self.write_each(entries, |txn, new| txn.create_or_return_entry(new))
            .await
    }

    async fn update_entries(
        &self,
        updates: Vec<EntryUpdate>,
    ) -> Result<Vec<Result<Arc<Entry>, StoreError>>, StoreError> {
        self.write_each(updates, |txn, update| txn.update_entry(update))
            .await
    }

    async fn delete_entries(
        &self,
        ids: Vec<String>,
    ) -> Result<Vec<Result<Arc<Entry>, StoreError>>, StoreError> {
        self.write_each(ids, |txn, id| txn.delete_entry(&id)).await
    }

    async fn prune_entries(&self, before: Timestamp) -> Result<Vec<Arc<Entry>>, StoreError> {
        let before = before.as_second();
        let mut pruned = Vec::new();
        loop {
            let mut some = self
                .write(move |txn| txn.prune_entries(before, PRUNE))
                .await?;
            let done = some.len() < PRUNE;
            pruned.append(&mut some);
            if done {
                return Ok(pruned);
            }
        }
    }
}

#[async_trait]
impl NodeStore for SqlStore {
    async fn attest_node(&self, node: NodeRecord) -> Result<Arc<NodeRecord>, StoreError> {
        self.write(move |txn| txn.attest_node(node)).await
    }

    async fn update_node(
        &self,
        id: &SpiffeId,
        update: NodeUpdate,
    ) -> Result<Arc<NodeRecord>, StoreError> {
        let id = id.clone();
        self.write(move |txn| txn.update_node(&id, update)).await
    }

    async fn promote_node(
        &self,
        id: &SpiffeId,
        serial: &str,
    ) -> Result<Arc<NodeRecord>, StoreError> {
        let (id, serial) = (id.clone(), serial.to_owned());
        self.write(move |txn| txn.promote_node(&id, &serial)).await
    }

    async fn delete_node(&self, id: &SpiffeId) -> Result<DeletedNode, StoreError> {
        let id = id.clone();
        self.write(move |txn| txn.delete_node(&id)).await
    }

    async fn prune_nodes(
        &self,
        before: Timestamp,
        include_non_reattestable: bool,
        limit: u32,
    ) -> Result<Vec<DeletedNode>, StoreError> {
        let before = before.as_second();
        self.write(move |txn| txn.prune_nodes(before, include_non_reattestable, limit))
            .await
    }
}

#[async_trait]
impl BundleStore for SqlStore {
    async fn fetch_bundle(&self, domain: &TrustDomain) -> Result<Option<Arc<Bundle>>, StoreError> {
        let domain = domain.clone();
        let found = self
            .read(move |connection| bundle::fetch(connection, &domain))
            .await?;
        Ok(found.map(|stored| Arc::new(stored.bundle)))
    }

    async fn edit_bundle(
        &self,
        domain: &TrustDomain,
        editor: BundleEditor,
    ) -> Result<(Option<Arc<Bundle>>, bool), StoreError> {
        let domain = domain.clone();
        self.write(move |txn| txn.edit_bundle(&domain, |old| editor(old)))
            .await
    }

    async fn delete_bundle(
        &self,
        domain: &TrustDomain,
        mode: DeleteMode,
    ) -> Result<(), StoreError> {
        let domain = domain.clone();
        self.write(move |txn| txn.delete_bundle(&domain, mode))
            .await
    }
}

#[async_trait]
impl JoinTokenStore for SqlStore {
    async fn create_join_token(
        &self,
        token: JoinToken,
        alias: Option<NewEntry>,
    ) -> Result<(), StoreError> {
        self.write(move |txn| txn.create_join_token(&token, alias))
            .await
    }

    async fn take_join_token(&self, token: &str) -> Result<Option<JoinToken>, StoreError> {
        let token = token.to_owned();
        self.write(move |txn| txn.take_join_token(token)).await
    }

    async fn prune_join_tokens(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.write(move |txn| txn.prune_join_tokens(before.as_second()))
            .await
    }
}

#[async_trait]
impl JournalStore for SqlStore {
    async fn set_journal(&self, journal: Journal) -> Result<Journal, StoreError> {
        self.write(move |txn| txn.set_journal(journal)).await
    }

    async fn fetch_journal(&self, active: &str) -> Result<Option<Journal>, StoreError> {
        let active = active.to_owned();
        self.read(move |connection| journal::fetch(connection, &active))
            .await
    }

    async fn list_journals(&self) -> Result<Vec<Journal>, StoreError> {
        self.read(journal::every).await
    }

    async fn prune_journals(&self, before: Timestamp) -> Result<Vec<i64>, StoreError> {
        self.write(move |txn| txn.prune_journals(before.as_second()))
            .await
    }
}

#[async_trait]
impl ChangeFeed for SqlStore {
    async fn observe(&self, observer: Arc<dyn ChangeObserver>) -> Result<(), StoreError> {
        self.writer.observe(observer).await
    }

    async fn prune_events(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.write(move |txn| txn.prune_events(&time_text(before)))
            .await
    }
}

#[cfg(test)]
impl SqlStore {
    /// Makes the database as good as full: it may have `spare` pages more; `None` lifts this.
    pub(crate) async fn set_max_pages(&self, spare: Option<i64>) -> i64 {
        let set = move |txn: &mut Txn<'_>| {
            let pragma = |name: &str, value: Option<i64>| {
                let sql = match value {
                    Some(value) => format!("PRAGMA {name} = {value}"),
                    None => format!("PRAGMA {name}"),
                };
                let read = txn.connection().query_row(&sql, [], |row| row.get(0));
                read.map_err(crate::dialect::refusal)
            };
            let pages: i64 = pragma("page_count", None)?;
            pragma(
                "max_page_count",
                Some(spare.map_or(1 << 30, |spare| pages + spare)),
            )
        };
        self.write(set).await.unwrap()
    }
}
