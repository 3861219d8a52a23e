//! The schema: what a new database has, and what becomes of others.

use std::path::Path;

use rusqlite::Connection;
use steeple_store::StoreError;

use super::{create, folder, open};
use crate::{migrate::CODE_VERSION, schema::CREATE};

fn sql(path: &Path, text: &str) {
    Connection::open(path).unwrap().execute_batch(text).unwrap();
}

fn migrations(path: &Path) -> Vec<(i64, String)> {
    let connection = Connection::open(path).unwrap();
    let mut rows = connection
        .prepare("SELECT version, code_version FROM migrations")
        .unwrap();
    let rows = rows
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    rows.map(Result::unwrap).collect()
}

fn current() -> Vec<(i64, String)> {
    vec![(25, CODE_VERSION.to_owned())]
}

/// What every table and index looks like to SQLite, columns and all.
fn shape(path: &Path) -> Vec<String> {
    let connection = Connection::open(path).unwrap();
    let query = "SELECT m.name || '.' || c.name || ' ' || c.type || ' ' || c.\"notnull\" || c.pk \
                 FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' \
                 UNION ALL SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL";
    let mut rows = connection.prepare(query).unwrap();
    let rows = rows.query_map([], |row| row.get(0)).unwrap();
    let mut shape: Vec<String> = rows.map(Result::unwrap).collect();
    shape.sort();
    shape
}

#[tokio::test]
async fn a_new_database_is_of_the_latest_version_and_is_opened_again() {
    let folder = folder();
    let path = folder.path().join("d.sqlite3");
    create(&open(&path).await.unwrap(), 1).await.unwrap();
    assert_eq!(migrations(&path), current());
    drop(open(&path).await.unwrap());
    assert_eq!(migrations(&path), current());
    let mode: String = Connection::open(&path)
        .unwrap()
        .query_row("PRAGMA journal_mode", [], |row| row.get(0))
        .unwrap();
    assert_eq!(mode, "wal");
}

#[tokio::test]
async fn older_versions_are_brought_up_to_date() {
    let folder = folder();
    let new = folder.path().join("new.sqlite3");
    drop(open(&new).await.unwrap());
    for (version, missing) in [
        (
            23,
            "ALTER TABLE attested_node_entries DROP COLUMN agent_version;",
        ),
        (24, ""),
    ] {
        let path = folder.path().join(format!("{version}.sqlite3"));
        sql(&path, &CREATE.join(";"));
        sql(
            &path,
            &format!(
                "ALTER TABLE registered_entries DROP COLUMN additional_attributes; {missing}
                 INSERT INTO migrations (version, code_version) VALUES ({version}, '1.14.0');
                 INSERT INTO registered_entries (created_at, entry_id, spiffe_id, parent_id)
                 VALUES ('2026-01-01 00:00:00+00:00', 'old', 'spiffe://a/b', 'spiffe://a/c');"
            ),
        );
        assert_ne!(shape(&path), shape(&new));
        create(&open(&path).await.unwrap(), 1).await.unwrap();
        assert_eq!(migrations(&path), current());
        assert_eq!(shape(&path), shape(&new));
    }
}

#[tokio::test]
async fn versions_that_must_not_be_touched_are_not() {
    let folder = folder();
    let cases = [
        (22, "1.7.0", "requires a previous SPIRE release"),
        (26, "1.17.0", "incompatible DB schema and code version"),
        (26, "2.15.0", "incompatible DB schema and code version"),
        (25, "dev", "is not a semantic version"),
    ];
    for (n, (version, code, why)) in cases.into_iter().enumerate() {
        let path = folder.path().join(format!("{n}.sqlite3"));
        sql(&path, &CREATE.join(";"));
        let row =
            format!("INSERT INTO migrations (version, code_version) VALUES ({version}, '{code}')");
        sql(&path, &row);
        match open(&path).await.err() {
            Some(StoreError::Version(text)) => assert!(text.contains(why), "{text}"),
            other => panic!("{version} {code}: {other:?}"),
        }
        assert_eq!(migrations(&path), [(version, code.to_owned())]);
    }
}

#[tokio::test]
async fn a_neighbours_newer_version_is_used_as_it_is() {
    let folder = folder();
    for (version, code, expected) in [
        (26, "1.16.0", "1.16.0"),             // ahead of us by one minor version
        (25, "1.16.0-dev-x", "1.16.0-dev-x"), // the same schema: never lowered
        (25, "1.14.0", CODE_VERSION),         // raised
        (25, "", CODE_VERSION),
    ] {
        let path = folder.path().join(format!("{version}{code}.sqlite3"));
        sql(&path, &CREATE.join(";"));
        let row =
            format!("INSERT INTO migrations (version, code_version) VALUES ({version}, '{code}')");
        sql(&path, &row);
        create(&open(&path).await.unwrap(), 1).await.unwrap();
        assert_eq!(migrations(&path), [(version, expected.to_owned())]);
    }
}

#[tokio::test]
async fn migration_can_be_disabled_between_neighbours_only() {
    let folder = folder();
    for (code, allowed) in [("1.14.0", true), ("1.13.0", false)] {
        let path = folder.path().join(format!("{code}.sqlite3"));
        sql(&path, &CREATE.join(";"));
        let row = format!("INSERT INTO migrations (version, code_version) VALUES (24, '{code}')");
        sql(&path, &row);
        let mut options = crate::SqlOptions::new(path.to_str().unwrap()).unwrap();
        options.disable_migration = true;
        let opened = crate::SqlStore::open(options, steeple_lifecycle::Clock::system()).await;
        assert_eq!(opened.is_ok(), allowed, "{code}");
        if let Err(error) = opened {
            assert!(
                error.to_string().contains("auto-migration must be enabled"),
                "{error}"
            );
        }
        assert_eq!(migrations(&path), [(24, code.to_owned())]);
    }
}

#[tokio::test]
async fn anothers_database_is_left_alone() {
    let folder = folder();
    let path = folder.path().join("other.sqlite3");
    sql(&path, "CREATE TABLE recipes (name text)");
    let before = shape(&path);
    let error = open(&path).await.err().unwrap();
    assert!(matches!(error, StoreError::Version(_)), "{error}");
    assert_eq!(shape(&path), before);
}
