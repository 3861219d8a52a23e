//! The `DataStore "sql"` block of the configuration.

use std::sync::Arc;

use async_trait::async_trait;
use steeple_hcl::{Item, Section, Value};
use steeple_lifecycle::Clock;
use steeple_store::{PreparedStore, Store, StoreBuilder, StoreError};

use crate::{SqlOptions, SqlStore, target::Target};

/// Builds the `sql` store.
#[derive(Clone, Copy, Debug, Default)]
pub struct SqlBuilder;

const SYSTEMS: [&str; 5] = ["sqlite3", "postgres", "mysql", "aws_postgres", "aws_mysql"];

impl StoreBuilder for SqlBuilder {
    fn name(&self) -> &'static str {
        "sql"
    }

    fn prepare(&self, data: &Section<'_>) -> Option<Box<dyn PreparedStore>> {
        let sqlite = read_system(data);
        let target = sqlite.then(|| read_target(data)).flatten();
        let disable_migration = data.bool("disable_migration").unwrap_or(false);
        read_others(data);
        data.finish();
        let options = SqlOptions {
            target: target?,
            disable_migration,
        };
        Some(Box::new(Prepared(options)))
    }
}

/// Whether it is SQLite; what else it may be is told here.
fn read_system(data: &Section<'_>) -> bool {
    if !data.has("database_type") {
        data.missing("database_type");
        return false;
    }
    let (system, is_block) = match block_name(data) {
        Some(system) => {
            data.known(&["database_type"]);
            (system, true)
        }
        None => (data.string("database_type").unwrap_or_default(), false),
    };
    match system.as_str() {
        "sqlite3" if !is_block => true,
        "" => {
            data.problem("database_type", "database_type must be set");
            false
        }
        known if SYSTEMS.contains(&known) => {
            data.problem(
                "database_type",
                format!("database_type {known:?} is not supported yet; sqlite3 is"),
            );
            false
        }
        other => {
            data.problem(
                "database_type",
                format!("unsupported database_type: {other}"),
            );
            false
        }
    }
}

/// The system's name when it is written as a block with settings of its own.
fn block_name(data: &Section<'_>) -> Option<String> {
    let object = data.to_owned_section().to_object();
    let is_it = |item: &&Item| {
        item.keys
            .first()
            .is_some_and(|key| key.name.eq_ignore_ascii_case("database_type"))
    };
    let item = object.items.iter().rfind(is_it)?;
    if let [_, label, ..] = item.keys.as_slice() {
        return Some(label.name.clone());
    }
    match &item.value {
        Value::Object(block) => Some(block.items.first()?.keys.first()?.name.clone()),
        Value::Literal(_) | Value::List(_) => None,
    }
}

fn read_target(data: &Section<'_>) -> Option<Target> {
    let text = data.string("connection_string").unwrap_or_default();
    match Target::parse(&text) {
        Ok(target) => Some(target),
        Err(error) => {
            data.problem("connection_string", error.to_string());
            None
        }
    }
}

/// Keys that mean something to other database systems only, or nothing here. As with SPIRE they
/// may stand there.
fn read_others(data: &Section<'_>) {
    data.known(&[
        "connection_string",
        "ro_connection_string",
        "root_ca_path",
        "client_cert_path",
        "client_key_path",
        "max_open_conns",
        "max_idle_conns",
        "conn_max_lifetime",
        "log_sql",
    ]);
    if data.has("ro_connection_string") {
        data.warn(
            "ro_connection_string",
            "not applicable to sqlite3; connection_string is used",
        );
    }
}

struct Prepared(SqlOptions);

#[async_trait]
impl PreparedStore for Prepared {
    async fn open(self: Box<Self>, clock: Clock) -> Result<Arc<dyn Store>, StoreError> {
        tracing::info!(db_type = "sqlite3", "Opening SQL database");
        Ok(Arc::new(SqlStore::open(self.0, clock).await?))
    }
}

#[cfg(test)]
mod tests {
    use steeple_hcl::{Report, Source, parse};

    use super::*;

    /// Whether the block was accepted, and all that was said about it.
    fn prepare(text: &str) -> (bool, Vec<String>) {
        let source = Source {
            name: "server.conf".into(),
            text: text.into(),
        };
        let document = parse(&source).unwrap();
        let report = Report::new();
        let prepared = SqlBuilder.prepare(&document.section(&report));
        let told = report
            .problems()
            .into_iter()
            .map(|problem| problem.message)
            .collect();
        (prepared.is_some(), told)
    }

    #[test]
    fn sqlite_with_every_key_that_may_stand_there() {
        let text = r#"
            database_type = "sqlite3"
            connection_string = "/var/lib/datastore.sqlite3"
            ro_connection_string = "x"
            root_ca_path = "x"
            client_cert_path = "x"
            client_key_path = "x"
            max_open_conns = 5
            max_idle_conns = 2
            conn_max_lifetime = "1h"
            disable_migration = true
            log_sql = true
        "#;
        assert_eq!(prepare(text), (true, vec![]));
    }

    #[test]
    fn mistakes_are_told_all_at_once() {
        let (accepted, told) = prepare("database_type = \"sqlite3\"\nconection_string = \"x\"");
        assert!(!accepted);
        assert_eq!(told.len(), 2, "{told:?}");
        let told = told.join("\n");
        assert!(told.contains("connection_string must be set"), "{told}");
        assert!(told.contains("\"conection_string\""), "{told}");
        assert!(prepare("connection_string = \"x\"").1[0].contains("database_type"));
    }

    #[test]
    fn other_systems_are_refused_by_name() {
        let refused = |text: &str| {
            let (accepted, told) = prepare(&format!("{text}\nconnection_string = \"x\""));
            assert!(!accepted, "{text}");
            told.join("\n")
        };
        for system in ["postgres", "mysql"] {
            let told = refused(&format!("database_type = \"{system}\""));
            assert!(
                told.contains(&format!("\"{system}\" is not supported yet")),
                "{told}"
            );
        }
        let told = refused("database_type \"aws_mysql\" { region = \"eu-west-1\" }");
        assert!(
            told.contains("\"aws_mysql\" is not supported yet"),
            "{told}"
        );
        let told = refused("database_type { aws_postgres { region = \"r\" } }");
        assert!(
            told.contains("\"aws_postgres\" is not supported yet"),
            "{told}"
        );
        assert!(
            refused("database_type = \"oracle\"").contains("unsupported database_type: oracle")
        );
    }
}
