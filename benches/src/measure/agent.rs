//! What a workload sees of its agent.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use steeple_proto::{
    server::entry::entry_client::EntryClient,
    workload::{JwtsvidRequest, spiffe_workload_api_client::SpiffeWorkloadApiClient},
};
use tokio::time::{Instant, sleep, timeout};
use tonic::transport::Channel;

use super::{Plan, figures_of};
use crate::{
    client,
    cpu::resident,
    figures::{Figure, Value},
    load::{self, Caller, percentile},
    site::{LIMIT, Programs, Running, Site, entry},
};

const STARTS: usize = 5;
/// How many entries are created one after the other to see when their SVIDs arrive.
const MOST_PUSHES: usize = 200;
const LONGEST_PUSHES: Duration = Duration::from_secs(60);

/// All figures that need an agent.
pub(super) async fn all(programs: &Programs, plan: &Plan) -> Result<Vec<Figure>> {
    let site = Site::new(programs, &plan.ca_key_type)?;
    let (server, _) = site.start_server().await?;
    let mut figures = Vec::new();
    let mut entries = EntryClient::new(client::unix(&site.server_socket()).await?);
    let (agent, name) = start(&site, &mut entries, plan, &mut figures)
        .await
        .context("agent start")?;
    let socket = site.agent_socket(&name);
    if plan.wants("RSS") {
        // What is left of starting up is over by then.
        sleep(Duration::from_secs(3)).await;
        figures.push(Figure::new(
            "RSS idle, server",
            Value::Bytes(resident(server.pid())?),
        ));
        figures.push(Figure::new(
            "RSS idle, agent",
            Value::Bytes(resident(agent.pid())?),
        ));
    }
    if plan.wants("push") {
        let parent = format!("/{name}");
        figures.extend(
            push(&site, &mut entries, &name, &parent)
                .await
                .context("push")?,
        );
    }
    for (name, callers) in [("1 caller", 1), ("8 connections", 8)] {
        let name = format!("FetchX509SVID warm, {name}");
        if !plan.wants(&name) {
            continue;
        }
        let mut all = Vec::new();
        for _ in 0..callers {
            all.push(X509(SpiffeWorkloadApiClient::new(
                client::unix(&socket).await?,
            )));
        }
        let load = load::run(all, plan.window, agent.pid())
            .await
            .context(name.clone())?;
        figures.extend(figures_of(&name, &load, "agent"));
    }
    let name = "FetchJWTSVID cached, 8 connections";
    if plan.wants(name) {
        let mut all = Vec::new();
        for _ in 0..8 {
            all.push(Jwt(SpiffeWorkloadApiClient::new(
                client::unix(&socket).await?,
            )));
        }
        let load = load::run(all, plan.window, agent.pid())
            .await
            .context(name)?;
        figures.extend(figures_of(name, &load, "agent"));
    }
    Ok(figures)
}

/// From the process' start to the first SVID, with an entry that is as old as the agent. The last
/// agent goes on, with the name it returns.
async fn start(
    site: &Site,
    entries: &mut EntryClient<Channel>,
    plan: &Plan,
    figures: &mut Vec<Figure>,
) -> Result<(Running, String)> {
    let starts = if plan.wants("start") { STARTS } else { 1 };
    let mut times = Vec::new();
    let mut last = None;
    for number in 1..=starts {
        let name = format!("agent{number}");
        let token = client::token(site, Some(&format!("/{name}"))).await?;
        client::create(entries, vec![entry("/workload", &format!("/{name}"), true)]).await?;
        let begin = Instant::now();
        let mut agent = site.start_agent(&name, &token)?;
        let socket = site.agent_socket(&name);
        loop {
            if let Ok(channel) = client::unix(&socket).await {
                let mut client = SpiffeWorkloadApiClient::new(channel);
                if client::first_svids(&mut client).await.is_ok() {
                    break;
                }
            }
            site.check(&mut agent, &name, begin).await?;
        }
        times.push(begin.elapsed());
        last = Some((agent, name));
    }
    times.sort_unstable();
    if plan.wants("start") {
        let median = percentile(&times, 50);
        figures.push(Figure::new(
            "agent start to first SVID",
            Value::Time(median),
        ));
    }
    last.context("no agent was started")
}

/// From an entry's creation to its SVID on a stream that is open.
async fn push(
    site: &Site,
    entries: &mut EntryClient<Channel>,
    agent: &str,
    parent: &str,
) -> Result<Vec<Figure>> {
    let channel = client::unix(&site.agent_socket(agent)).await?;
    let mut client = SpiffeWorkloadApiClient::new(channel);
    let (mut stream, _) = client::first_svids(&mut client).await?;
    let mut times = Vec::new();
    let begin = Instant::now();
    for number in 0..MOST_PUSHES {
        if begin.elapsed() > LONGEST_PUSHES {
            break;
        }
        let path = format!("/push/{number}");
        let wanted = format!("spiffe://{}{path}", crate::site::TRUST_DOMAIN);
        // Not always at the same moment of whatever cycle there is.
        sleep(Duration::from_millis(number as u64 * 37 % 101)).await;
        let created = Instant::now();
        let ids = client::create(entries, vec![entry(&path, parent, true)]).await?;
        let arrival = async {
            loop {
                let svids = stream
                    .message()
                    .await?
                    .context("the stream has ended")?
                    .svids;
                if svids.iter().any(|svid| svid.spiffe_id == wanted) {
                    return Ok::<_, anyhow::Error>(());
                }
            }
        };
        timeout(LIMIT, arrival)
            .await
            .context("no SVID for a new entry")??;
        times.push(created.elapsed());
        client::delete(entries, ids).await?;
    }
    // The next measurement begins when the agent knows that the last of them is gone.
    let quiet = async {
        while stream
            .message()
            .await?
            .context("the stream has ended")?
            .svids
            .len()
            > 1
        {}
        Ok::<_, anyhow::Error>(())
    };
    timeout(LIMIT, quiet)
        .await
        .context("a deleted entry's SVID stays")??;
    times.sort_unstable();
    ensure!(!times.is_empty(), "nothing was measured");
    let name = "push: entry create to SVID on an open stream";
    Ok(vec![
        Figure::new(format!("{name}: p50"), Value::Time(percentile(&times, 50))),
        Figure::new(format!("{name}: p99"), Value::Time(percentile(&times, 99))),
    ])
}

struct X509(SpiffeWorkloadApiClient<Channel>);

impl Caller for X509 {
    async fn call(&mut self) -> Result<Option<()>> {
        let (_, response) = client::first_svids(&mut self.0).await?;
        ensure!(!response.svids.is_empty(), "no SVID");
        Ok(Some(()))
    }
}

struct Jwt(SpiffeWorkloadApiClient<Channel>);

impl Caller for Jwt {
    async fn call(&mut self) -> Result<Option<()>> {
        let request = JwtsvidRequest {
            audience: vec!["bench".to_owned()],
            spiffe_id: String::new(),
        };
        let response = self
            .0
            .fetch_jwtsvid(client::workload(request))
            .await?
            .into_inner();
        ensure!(!response.svids.is_empty(), "no token");
        Ok(Some(()))
    }
}
