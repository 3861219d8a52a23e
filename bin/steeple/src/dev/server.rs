//! The server's part of the house.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use steeple_lifecycle::Tasks;
use steeple_server_runtime::{Parts, RunningServer};
use steeple_store_sql::SqlBuilder;

use super::{House, config};

/// Starts the server; it answers when this returns.
pub(crate) async fn start(
    house: &House<'_>,
    port: u16,
    agent_ttl: Option<&str>,
    tasks: &Tasks,
) -> Result<RunningServer> {
    let config = config::server(house.folder, port, agent_ttl)?;
    let parts = Parts {
        builtins: steeple_builtin::builtins(),
        stores: vec![Arc::new(SqlBuilder)],
        clock: house.clock.clone(),
    };
    let running = steeple_server_runtime::start(config, parts, tasks).await;
    running.context("the server did not start")
}
