//! The `DataStore "sql"` block of the configuration.

use std::sync::Arc;

use async_trait::async_trait;
use steeple_hcl::Section;
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
    // Written as a text, or as a block named after the system with settings of its own.
    let blocks = data.labelled("database_type");
    let system = match blocks.as_slice() {
        [] => data.string("database_type").unwrap_or_default(),
        [(system, _), ..] => system.clone(),
    };
    match system.as_str() {
        "sqlite3" if blocks.is_empty() => true,
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
