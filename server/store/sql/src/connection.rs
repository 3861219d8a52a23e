//! Opening connections, and looking at the file before SQLite may change it.

use std::{
    fs::File,
    io::{ErrorKind, Read as _},
};

use rusqlite::{Connection, OpenFlags};
use steeple_store::StoreError;

use crate::{dialect::refusal, target::Target};

/// How many prepared statements a connection keeps.
const STATEMENTS: usize = 64;
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Opens the connection that writes; creates the file when there is none.
pub(crate) fn writer(target: &Target) -> Result<Connection, StoreError> {
    inspect(target)?;
    let connection = open(
        target,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
    )?;
    set(&connection, "journal_mode", "WAL").map_err(|error| explain(target, error))?;
    set(&connection, "synchronous", target.synchronous).map_err(|error| explain(target, error))?;
    Ok(connection)
}

/// Opens a connection that reads.
pub(crate) fn reader(target: &Target) -> Result<Connection, StoreError> {
    let connection = open(target, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    set(&connection, "query_only", "ON").map_err(|error| explain(target, error))?;
    Ok(connection)
}

fn open(target: &Target, flags: OpenFlags) -> Result<Connection, StoreError> {
    let flags = flags | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let prepare = || {
        let connection = Connection::open_with_flags(&target.uri, flags)?;
        connection.busy_timeout(target.busy_timeout)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        set(&connection, "foreign_keys", "ON")?;
        if let Some(size) = target.cache_size {
            set(&connection, "cache_size", &size.to_string())?;
        }
        Ok(connection)
    };
    prepare().map_err(|error| explain(target, error))
}

/// Sets a pragma, whether or not SQLite answers with its new value.
fn set(connection: &Connection, pragma: &str, value: &str) -> rusqlite::Result<()> {
    connection
        .pragma_update_and_check(None, pragma, value, |_| Ok(()))
        .or_else(|e| match e {
            rusqlite::Error::QueryReturnedNoRows => Ok(()),
            other => Err(other),
        })
}

fn explain(target: &Target, error: rusqlite::Error) -> StoreError {
    let place = target.path.display();
    match refusal(error) {
        StoreError::Io(why) => StoreError::Io(format!(
            "cannot open the database {place}: {why}; check that its folder exists and that the \
             server may write there"
        )),
        StoreError::Corrupt(why) => damaged(target, &why),
        other => other,
    }
}

fn damaged(target: &Target, why: &str) -> StoreError {
    StoreError::Corrupt(format!(
        "cannot use the database {}: {why}; it has not been changed. Restore it from a backup, or \
         move it away (with its -wal and -shm files) to start with an empty one",
        target.path.display()
    ))
}

/// Refuses a file that is no database, or only the beginning of one. SQLite would find out too,
/// but for a cut file only when it needs what is missing.
fn inspect(target: &Target) -> Result<(), StoreError> {
    let mut file = match File::open(&target.path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => {
            let place = target.path.display();
            return Err(StoreError::Io(format!(
                "cannot open the database {place}: {error}"
            )));
        }
    };
    let mut header = [0u8; 100];
    let size = file.metadata().map(|data| data.len()).unwrap_or(0);
    if size == 0 {
        return Ok(()); // what SQLite makes of a file that is new
    }
    if file.read_exact(&mut header).is_err() || !header.starts_with(MAGIC) {
        return Err(damaged(target, "it is not an SQLite database"));
    }
    let number = |at: usize, len: usize| {
        header[at..at + len]
            .iter()
            .fold(0u64, |sum, byte| sum << 8 | u64::from(*byte))
    };
    let page_size = if number(16, 2) == 1 {
        65536
    } else {
        number(16, 2)
    };
    // The count is to be believed only if it was written with the last change.
    let believable = number(24, 4) == number(92, 4);
    let wanted = page_size * number(28, 4);
    let wal = target.path.with_file_name({
        let mut name = target.path.file_name().unwrap_or_default().to_owned();
        name.push("-wal");
        name
    });
    if believable && size < wanted && !wal.exists() {
        let why = format!("it should have {wanted} bytes but has {size}: it has been cut off");
        return Err(damaged(target, &why));
    }
    Ok(())
}
