//! Starting the server, and filling it.

use std::time::Duration;

use anyhow::Result;
use steeple_proto::server::entry::entry_client::EntryClient;
use tonic::transport::Channel;

use super::Plan;
use crate::{
    client,
    figures::{Figure, Value},
    load::{self, Caller, percentile},
    site::{Programs, Site, entry},
};

/// How often the start is measured.
const STARTS: usize = 5;
/// No more entries than this are created.
const MOST_ENTRIES: usize = 20_000;
const BATCH: usize = 100;

/// From the process' start to the first answer, on an empty folder.
pub(super) async fn start(programs: &Programs, plan: &Plan) -> Result<Vec<Figure>> {
    let mut times = Vec::new();
    for _ in 0..STARTS {
        let site = Site::new(programs, &plan.ca_key_type)?;
        times.push(site.start_server().await?.1);
    }
    times.sort_unstable();
    let median: Duration = percentile(&times, 50);
    Ok(vec![Figure::new(
        "server start to ready, empty SQLite",
        Value::Time(median),
    )])
}

struct Creator {
    client: EntryClient<Channel>,
    created: usize,
}

impl Caller for Creator {
    async fn call(&mut self) -> Result<Option<()>> {
        if self.created >= MOST_ENTRIES {
            return Ok(None);
        }
        let numbers = self.created..self.created + BATCH;
        let entries = numbers.map(|number| entry(&format!("/load/{number}"), "/nobody", false));
        client::create(&mut self.client, entries.collect()).await?;
        self.created += BATCH;
        Ok(Some(()))
    }
}

/// BatchCreateEntry, 100 a call, one caller.
pub(super) async fn entries(programs: &Programs, plan: &Plan) -> Result<Vec<Figure>> {
    let site = Site::new(programs, &plan.ca_key_type)?;
    let (server, _) = site.start_server().await?;
    let client = EntryClient::new(client::unix(&site.server_socket()).await?);
    let creator = Creator { client, created: 0 };
    let load = load::run(vec![creator], plan.window, server.pid()).await?;
    let each = u32::try_from(BATCH)?;
    Ok(vec![
        Figure::new(
            "entries: BatchCreateEntry, 100 a call",
            Value::Rate(load.rate() * f64::from(each)),
        ),
        Figure::new(
            "entries: server CPU each",
            Value::Time(load.cpu_each() / each),
        ),
    ])
}
