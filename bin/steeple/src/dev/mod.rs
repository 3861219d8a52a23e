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
use steeple_agent_runtime::RunningAgent;
use steeple_cli::agent::FetchedSvid;
use steeple_lifecycle::{Clock, Tasks, signals, umask};
use steeple_spiffe::TrustDomain;
use steeple_telemetry::{self as telemetry, LogConfig, chain};
use tokio::{
    runtime::Builder,
    time::{Instant, sleep},
};

use agent::AgentTasks;
use folder::Folder;
use operator::{Identity, Operator};
use screen::{Screen, Summary};

/// How long open calls may take to end after the stop.
const DRAIN: Duration = Duration::from_secs(5);

/// How long the first SVID may take before we call it a failure.
const PATIENCE: Duration = Duration::from_secs(30);

/// An agent that fails sooner after its start than this would only fail again.
const RESTART_AFTER: Duration = Duration::from_secs(10);

/// What can be chosen.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The trust domain [default: that of the folder, else example.org].
    #[arg(long)]
    trust_domain: Option<String>,
    /// The folder that holds everything.
    #[arg(long, default_value = "./.steeple")]
    dir: PathBuf,
    /// The server's TCP port on 127.0.0.1 [default: any that is free].
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
    let wanted = args.trust_domain.as_deref().map(trust_domain).transpose()?;
    let folder = Folder::open(&args.dir, wanted)?;
    let port = port::choose(args.port)?;
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
    let screen = Screen::new();
    let house = House {
        folder: &folder,
        clock: Clock::system(),
        screen: &screen,
        agent_tasks: AgentTasks::default(),
    };
    let stopping = tasks.stopping();
    let lived = tokio::select! {
        lived = house.live(port, args, &tasks, start) => lived,
        () = stopping.cancelled() => Ok(()),
    };
    screen.step("Stopping");
    let agent = house.agent_tasks.end().await;
    tasks.stop();
    let server = tasks.wait(DRAIN).await.context("the server failed");
    lived.and(agent).and(server).map_err(|error| {
        let log = folder.log();
        anyhow!(
            "{}\nThe log may say more: {}",
            chain(&*error),
            log.display()
        )
    })?;
    screen.step("Stopped; start again to go on with the same identities");
    Ok(())
}

fn trust_domain(text: &str) -> Result<TrustDomain> {
    TrustDomain::parse(text).with_context(|| format!("{text:?} is no trust domain"))
}

/// What every step needs.
struct House<'a> {
    folder: &'a Folder,
    clock: Clock,
    screen: &'a Screen,
    agent_tasks: AgentTasks,
}

impl House<'_> {
    /// From nothing, or from what an earlier start left, to the SVID on the screen, and on. An
    /// agent that loses its identity (it was evicted, or the machine slept too long) gets a new
    /// one. Comes back only when that does not help.
    async fn live(&self, port: u16, args: &Args, tasks: &Tasks, start: Instant) -> Result<()> {
        self.screen.step("Starting the server");
        let server = server::start(self, port, args.agent_ttl.as_deref(), tasks).await?;
        let operator = Operator::connect(&server.socket).await?;
        self.screen.step("Registering you");
        let identity = Identity::of_caller(&self.folder.trust_domain)?;
        operator.register(&identity).await?;

        let mut shown = false;
        loop {
            let roots = operator.write_bundle(&self.folder.bundle()).await?;
            tracing::debug!(roots, "Wrote the bundle for the agent");
            let agent = agent::start(self, &operator, server.tcp).await?;
            let started = Instant::now();
            if !shown {
                let svid = self.fetch(&agent, &identity).await?;
                self.screen.show(&Summary {
                    svid: &svid,
                    took: start.elapsed(),
                    now: self.clock.now(),
                    folder: self.folder,
                    server: &server,
                    agent: &agent,
                })?;
                shown = true;
            }
            self.agent_tasks.failed().await;
            let ended = self.agent_tasks.end().await;
            if started.elapsed() < RESTART_AFTER {
                return ended;
            }
            if let Err(error) = ended {
                self.screen
                    .step(&format!("{}; it is started again", chain(&*error)));
            }
        }
    }

    async fn fetch(&self, agent: &RunningAgent, identity: &Identity) -> Result<FetchedSvid> {
        self.screen.step("Fetching your X.509-SVID");
        tokio::select! {
            svid = workload::fetch(&agent.socket, &identity.spiffe_id, &self.clock) => svid,
            () = self.agent_tasks.failed() => {
                self.agent_tasks.end().await?;
                Err(anyhow!("the agent ended"))
            }
            () = sleep(PATIENCE) => Err(anyhow!("no X.509-SVID came within {PATIENCE:?}")),
        }
    }
}
