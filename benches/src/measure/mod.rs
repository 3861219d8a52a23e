//! The measurements, in the order of their lines.

mod agent;
mod mint;
mod server;

use std::time::Duration;

use anyhow::{Context, Result};

use crate::{
    figures::{Figure, Value},
    load::Load,
    site::Programs,
};

/// What to measure and for how long.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// How long a rate is measured.
    pub(crate) window: Duration,
    /// The key type of the server's authority.
    pub(crate) ca_key_type: String,
    /// A part of the names of what is to be measured; empty for everything.
    pub(crate) only: String,
}

impl Plan {
    fn wants(&self, name: &str) -> bool {
        name.contains(&self.only)
    }
}

/// All figures of these programs.
pub(crate) async fn all(programs: &Programs, plan: &Plan) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    if plan.wants("start") {
        figures.extend(
            server::start(programs, plan)
                .await
                .context("server start")?,
        );
    }
    figures.extend(agent::all(programs, plan).await?);
    figures.extend(mint::all(programs, plan).await?);
    if plan.wants("entries") {
        figures.extend(server::entries(programs, plan).await.context("entries")?);
    }
    Ok(figures)
}

/// Rate, latencies and CPU time of one load.
fn figures_of(name: &str, load: &Load, whose: &str) -> Vec<Figure> {
    vec![
        Figure::new(format!("{name}: rate"), Value::Rate(load.rate())),
        Figure::new(format!("{name}: p50"), Value::Time(load.percentile(50))),
        Figure::new(format!("{name}: p99"), Value::Time(load.percentile(99))),
        Figure::new(
            format!("{name}: {whose} CPU each"),
            Value::Time(load.cpu_each()),
        ),
    ]
}
