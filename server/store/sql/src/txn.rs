//! A write transaction, as the nouns see it.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Params, Row};
use steeple_store::{Change, StoreError};

use crate::dialect::{refusal, time_text};

/// The transaction that is open, and the changes it makes.
pub(crate) struct Txn<'c> {
    connection: &'c Connection,
    /// What time the request says it is, as stored.
    pub(crate) now: String,
    /// The same in unix seconds, rounded as stored times are.
    pub(crate) now_seconds: i64,
    changes: Vec<Change>,
}

impl<'c> Txn<'c> {
    pub(crate) fn new(connection: &'c Connection) -> Self {
        Self {
            connection,
            now: String::new(),
            now_seconds: 0,
            changes: Vec::new(),
        }
    }

    /// Says what time it is for what follows.
    pub(crate) fn set_now(&mut self, now: Timestamp) {
        self.now = time_text(now);
        let nanos = now.as_nanosecond() + 500_000_000;
        self.now_seconds = nanos.div_euclid(1_000_000_000) as i64;
    }

    /// Notes what the observers are to be told after the commit.
    pub(crate) fn changed(&mut self, change: Change) {
        self.changes.push(change);
    }

    /// What was noted, for the observers.
    pub(crate) fn into_changes(self) -> Vec<Change> {
        self.changes
    }

    /// Whether the database has given the whole transaction up by itself.
    pub(crate) fn is_lost(&self) -> bool {
        self.connection.is_autocommit()
    }

    /// Runs `work`; if it fails, what it has written and noted is undone, and nothing else.
    pub(crate) fn attempt<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let noted = self.changes.len();
        self.execute("SAVEPOINT attempt", [])?;
        let done = work(self);
        if self.is_lost() {
            return done.and_then(|_| Err(lost()));
        }
        if done.is_err() {
            self.changes.truncate(noted);
            self.execute("ROLLBACK TO attempt", [])?;
        }
        self.execute("RELEASE attempt", [])?;
        done
    }

    /// Runs a statement; answers how many rows it changed.
    pub(crate) fn execute(&self, sql: &str, params: impl Params) -> Result<usize, StoreError> {
        let mut statement = self.connection.prepare_cached(sql).map_err(refusal)?;
        statement.execute(params).map_err(refusal)
    }

    /// Inserts a row and answers its ID.
    pub(crate) fn insert(&self, sql: &str, params: impl Params) -> Result<i64, StoreError> {
        self.execute(sql, params)?;
        Ok(self.connection.last_insert_rowid())
    }

    /// The connection, for the reads that readers do too.
    pub(crate) fn connection(&self) -> &'c Connection {
        self.connection
    }
}

/// The database has given the whole transaction up: a full disk, mostly.
pub(crate) fn lost() -> StoreError {
    StoreError::Full(
        "the database has given the transaction up, so nothing was written: is there room on the \
         disk?"
            .to_owned(),
    )
}

/// Reads one row, if there is one.
pub(crate) fn find<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Option<T>, StoreError> {
    let mut statement = connection.prepare_cached(sql).map_err(refusal)?;
    statement
        .query_row(params, read)
        .optional()
        .map_err(refusal)
}

/// Reads all rows.
pub(crate) fn all<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, StoreError> {
    let mut statement = connection.prepare_cached(sql).map_err(refusal)?;
    let rows = statement.query_map(params, read).map_err(refusal)?;
    rows.collect::<rusqlite::Result<_>>().map_err(refusal)
}
