//! Creating the tables, bringing older ones up to date, and refusing what must not be touched.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};
use steeple_store::StoreError;

use crate::{
    dialect::{refusal, time_text},
    schema::{CREATE, LATEST, OLDEST, STEPS, Step},
    version::Version,
};

/// The SPIRE release that this program writes as its version beside the schema's. A SPIRE server
/// of the same, the last or the next minor version goes on with the database.
pub const CODE_VERSION: &str = "1.15.3";

/// Makes the database what [`LATEST`] says, or leaves it alone and says why not.
pub(crate) fn migrate(
    connection: &Connection,
    disabled: bool,
    now: Timestamp,
) -> Result<(), StoreError> {
    if !has_table(connection, "migrations")? {
        if !is_empty(connection)? {
            return Err(StoreError::Version(
                "this SQLite database holds tables, but not a SPIRE server's; nothing has been \
                 changed. Give connection_string a file of its own"
                    .to_owned(),
            ));
        }
        tracing::info!("Initializing new database");
        return in_transaction(connection, |c| create(c, now));
    }
    let stored = stored(connection)?;
    let ours = ours()?;
    if stored.schema == LATEST {
        if ours.is_after(&stored.code) {
            record(connection, LATEST, now)?;
        }
        return Ok(());
    }
    let neighbours = ours.works_with(&stored.code);
    if disabled {
        return if neighbours {
            Ok(())
        } else {
            Err(must_migrate(&stored))
        };
    }
    match stored.schema > LATEST {
        true if !neighbours => Err(too_new(&stored)),
        true => {
            warn_newer(&stored);
            Ok(())
        }
        false => upgrade(connection, stored.schema, now),
    }
}

fn ours() -> Result<Version, StoreError> {
    Version::parse(CODE_VERSION)
        .ok_or_else(|| StoreError::Version(format!("{CODE_VERSION:?} is not a version")))
}

fn has_table(connection: &Connection, name: &str) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?";
    let found = connection.query_row(sql, [name], |_| Ok(())).optional();
    Ok(found.map_err(refusal)?.is_some())
}

fn is_empty(connection: &Connection) -> Result<bool, StoreError> {
    let sql = "SELECT count(*) FROM sqlite_master";
    connection
        .query_row(sql, [], |row| Ok(row.get::<_, i64>(0)? == 0))
        .map_err(refusal)
}

fn in_transaction(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    connection
        .execute_batch("BEGIN IMMEDIATE")
        .map_err(refusal)?;
    let done = work(connection).and_then(|()| connection.execute_batch("COMMIT").map_err(refusal));
    if done.is_err() && !connection.is_autocommit() {
        // The first error is the one to tell; the rollback's would only hide it.
        drop(connection.execute_batch("ROLLBACK"));
    }
    done
}

fn create(connection: &Connection, now: Timestamp) -> Result<(), StoreError> {
    // Another server at the same file may have been faster.
    if has_table(connection, "migrations")? {
        return Ok(());
    }
    for statement in CREATE {
        connection.execute_batch(statement).map_err(refusal)?;
    }
    let sql = "INSERT INTO migrations (created_at, updated_at, version, code_version) \
               VALUES (?1, ?1, ?2, ?3)";
    let row = params![time_text(now), LATEST, CODE_VERSION];
    connection.execute(sql, row).map(|_| ()).map_err(refusal)
}

struct Stored {
    schema: i64,
    code: Version,
}

fn stored(connection: &Connection) -> Result<Stored, StoreError> {
    let sql = "SELECT version, code_version FROM migrations ORDER BY id LIMIT 1";
    let read = |row: &rusqlite::Row<'_>| {
        Ok((
            row.get::<_, Option<i64>>(0)?,
            row.get::<_, Option<String>>(1)?,
        ))
    };
    let row = connection
        .query_row(sql, [], read)
        .optional()
        .map_err(refusal)?;
    let (schema, code) = row.unwrap_or_default();
    let code = code.unwrap_or_default();
    let parsed = Version::parse(&code).ok_or_else(|| {
        StoreError::Version(format!(
            "error getting DB code version: unable to parse code version from DB: {code:?} is not \
             a semantic version; nothing has been changed"
        ))
    })?;
    Ok(Stored {
        schema: schema.unwrap_or(0),
        code: parsed,
    })
}

fn must_migrate(stored: &Stored) -> StoreError {
    StoreError::Version(format!(
        "auto-migration must be enabled for current DB: it has schema version {} of release {}, \
         this server writes version {LATEST} of release {CODE_VERSION}; take disable_migration out \
         of the configuration",
        stored.schema, stored.code
    ))
}

fn too_new(stored: &Stored) -> StoreError {
    StoreError::Version(format!(
        "incompatible DB schema and code version: the database has schema version {} of release \
         {}, this server writes version {LATEST} of release {CODE_VERSION}; nothing has been \
         changed. Run a newer server on it",
        stored.schema, stored.code
    ))
}

fn warn_newer(stored: &Stored) {
    tracing::warn!(
        schema = stored.schema,
        version_info = %stored.code,
        "DB schema is ahead of code version, upgrading the server is recommended"
    );
}

fn upgrade(connection: &Connection, from: i64, now: Timestamp) -> Result<(), StoreError> {
    if from < OLDEST {
        return Err(StoreError::Version(format!(
            "migrating from schema version {from} requires a previous SPIRE release: start the \
             database once with a SPIRE server of each release between, as its upgrade \
             instructions say; nothing has been changed"
        )));
    }
    tracing::info!(schema = from, "Running migrations...");
    for step in STEPS.iter().filter(|step| step.from >= from) {
        tracing::info!(version_info = step.from, "Migrating version");
        in_transaction(connection, |c| run_step(c, step, now))?;
    }
    tracing::info!("Done running migrations");
    Ok(())
}

fn run_step(connection: &Connection, step: &Step, now: Timestamp) -> Result<(), StoreError> {
    let Step {
        from,
        table,
        column,
        kind,
    } = step;
    let sql = "SELECT 1 FROM pragma_table_info(?) WHERE name = ?";
    let there = connection
        .query_row(sql, [table, column], |_| Ok(()))
        .optional();
    if there.map_err(refusal)?.is_none() {
        let sql = format!("ALTER TABLE \"{table}\" ADD \"{column}\" {kind}");
        connection.execute_batch(&sql).map_err(refusal)?;
    }
    record(connection, from + 1, now)
}

fn record(connection: &Connection, schema: i64, now: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE migrations SET version = ?, code_version = ?, updated_at = ?";
    let row = params![schema, CODE_VERSION, time_text(now)];
    connection.execute(sql, row).map(|_| ()).map_err(refusal)
}
