//! The load generator: drives any SPIRE-compatible server and agent as a client, over loopback,
//! and prints what it costs. With the stock programs given, it measures both in one run.
//!
//! Every measurement is bounded in time and in requests. The CPU figures are user and system time
//! of the process under test per operation: the steadiest figures on a machine that is shared.

mod client;
mod cpu;
mod figures;
mod load;
mod measure;
mod site;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context, Result};
use clap::Parser;

use crate::{figures::Table, site::Programs};

/// Measures a SPIRE-compatible server and agent.
#[derive(Debug, Parser)]
struct Arguments {
    /// The server to measure; default: spire-server beside this program.
    #[arg(long, value_name = "BIN")]
    server: Option<PathBuf>,
    /// The agent to measure; default: spire-agent beside this program.
    #[arg(long, value_name = "BIN")]
    agent: Option<PathBuf>,
    /// A folder with the stock spire-server and spire-agent, to measure and compare with.
    #[arg(long, value_name = "DIR", env = "STEEPLE_STOCK_SPIRE")]
    stock: Option<PathBuf>,
    /// How long each measurement of a rate lasts.
    #[arg(long, value_name = "N", default_value_t = 5)]
    seconds: u64,
    /// The key type of the server's certificate authority.
    #[arg(long, value_name = "TYPE", default_value = "ec-p256")]
    ca_key_type: String,
    /// Only measurements whose name contains this.
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let beside = std::env::current_exe()?;
    let beside = beside.parent().context("this program lies in no folder")?;
    let ours = Programs {
        server: arguments
            .server
            .clone()
            .unwrap_or_else(|| beside.join("spire-server")),
        agent: arguments
            .agent
            .clone()
            .unwrap_or_else(|| beside.join("spire-agent")),
    };
    let mut all = vec![("ours", ours)];
    if let Some(dir) = &arguments.stock {
        let stock = Programs {
            server: dir.join("spire-server"),
            agent: dir.join("spire-agent"),
        };
        all.push(("stock", stock));
    }
    let plan = measure::Plan {
        window: Duration::from_secs(arguments.seconds),
        ca_key_type: arguments.ca_key_type.clone(),
        only: arguments.only.clone().unwrap_or_default(),
    };
    let mut table = Table::default();
    for (name, programs) in &all {
        eprintln!("measuring {name}: {}", programs.server.display());
        let figures = runtime.block_on(measure::all(programs, &plan));
        table.add(name, figures.with_context(|| format!("measuring {name}"))?);
    }
    print!("{table}");
    Ok(())
}
