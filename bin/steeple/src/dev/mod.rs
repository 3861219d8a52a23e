//! `steeple dev`: server, agent and a registered workload (you) in one process and one folder.
//!
//! The two are started exactly as their own programs start them, from a configuration that is
//! read by the ordinary loader; they speak to each other over TCP and to this command over their
//! sockets. A second start finds everything in the folder and goes on.

mod agent;
mod config;
mod folder;
mod operator;
mod port;
mod screen;
mod server;
mod workload;

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, Result, anyhow};
use steeple_lifecycle::{Clock, Tasks, signals, umask};
use steeple_spiffe::TrustDomain;
use steeple_telemetry::{self as telemetry, LogConfig};
use tokio::{runtime::Builder, time::Instant};

use agent::Agent;
use folder::Folder;
use screen::Screen;

/// How long open calls may take to end after the stop.
const DRAIN: Duration = Duration::from_secs(5);

/// How long the first SVID may take before we call it a failure.
const PATIENCE: Duration = Duration::from_secs(30);

/// What can be chosen.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The trust domain [default: that of the folder, else example.org].
    #[arg(long)]
    trust_domain: Option<String>,
    /// The folder that holds everything.
    #[arg(long, default_value = "./.steeple")]
    dir: PathBuf,
    /// The server's TCP port on 127.0.0.1 [default: 8081, or any that is free].
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// How long the agent's own identity lasts, as in 10m or 1h.
    #[arg(long, hide = true)]
    agent_ttl: Option<String>,
}

/// Runs until Ctrl-C or SIGTERM.
pub(crate) fn run(args: &Args) -> Result<()> {
    let runtime = Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("could not start threads")?;
    runtime.block_on(dev(args))
}

async fn dev(args: &Args) -> Result<()> {
    let start = Instant::now();
    let screen = Screen::new();
    let wanted = args.trust_domain.as_deref().map(trust_domain).transpose()?;
    let folder = Folder::open(&args.dir, wanted)?;
    let log = telemetry::init(&LogConfig {
        file: Some(folder.log()),
        ..LogConfig::default()
    })?;
    umask::restrict();
    let tasks = Tasks::new();
    let actions = signals::Actions::new().on_usr2(move || {
        if let Err(error) = log.reopen() {
            tracing::error!(%error, "Could not reopen the log file; the old one stays in use");
        }
    });
    let _signals = signals::listen(&tasks, actions).context("could not listen for signals")?;

    let house = House {
        folder: &folder,
        clock: Clock::system(),
        screen: &screen,
    };
    let stopping = tasks.stopping();
    let agent = tokio::select! {
        () = stopping.cancelled() => Ok(None),
        up = house.bring_up(args, &tasks, start) => up.map(Some),
    };
    let result = match agent {
        Ok(Some(agent)) => {
            tokio::select! {
                () = stopping.cancelled() => {}
                () = agent.failed() => {}
            }
            screen.step("Stopping");
            agent.end(DRAIN).await
        }
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    tasks.stop();
    let ended = tasks.wait(DRAIN).await.context("the server failed");
    result
        .and(ended)
        .with_context(|| format!("see the log, {}", folder.log().display()))?;
    screen.step("Stopped; start again to go on with the same identities");
    Ok(())
}

fn trust_domain(text: &str) -> Result<TrustDomain> {
    TrustDomain::parse(text).with_context(|| format!("{text:?} is no trust domain"))
}

/// What every step of the start needs.
struct House<'a> {
    folder: &'a Folder,
    clock: Clock,
    screen: &'a Screen,
}

impl House<'_> {
    /// From nothing, or from what an earlier start left, to the SVID on the screen.
    async fn bring_up(&self, args: &Args, tasks: &Tasks, start: Instant) -> Result<Agent> {
        self.screen.step("Starting the server");
        let port = port::choose(args.port)?;
        let server = server::start(self, port, args.agent_ttl.as_deref(), tasks).await?;
        let operator = operator::Operator::connect(&server.socket).await?;
        let bundle = operator.write_bundle(&self.folder.bundle()).await?;
        tracing::debug!(roots = bundle, "Wrote the bundle for the agent");

        self.screen.step("Registering you");
        let identity = operator::Identity::of_caller(&self.folder.trust_domain)?;
        operator.register(&identity).await?;

        let agent = agent::start(self, &operator, server.tcp).await?;
        self.screen.step("Fetching your X.509-SVID");
        let fetched = tokio::time::timeout(
            PATIENCE,
            workload::fetch(&agent.socket, &identity.spiffe_id, &self.clock),
        );
        let svid = match fetched.await {
            Ok(svid) => svid?,
            Err(_) => return Err(anyhow!("no X.509-SVID came within {PATIENCE:?}")),
        };
        self.screen.show(&screen::Summary {
            svid: &svid,
            took: start.elapsed(),
            now: self.clock.now(),
            folder: self.folder,
            server: &server,
            agent: &agent,
        })?;
        Ok(agent)
    }
}
