//! One set of files, two programs: what stock SPIRE wrote opens in our server, and what ours
//! wrote opens in stock SPIRE.

use std::fs;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use steeple_tests::{Agent, AgentPlan, Case, Place, Programs, Server, ServerPlan};

use crate::both_ways::{NO_STOCK, stock_programs};

pub(crate) fn cases() -> Vec<Case> {
    let stock = Programs::stock().is_some();
    vec![
        Case::new("stock_files_in_our_server_and_back", |place| {
            hand_over(place, &stock_programs()?, &Programs::ours()?)
        })
        .needs(stock, NO_STOCK),
        Case::new("our_files_in_stock_server_and_back", |place| {
            hand_over(place, &Programs::ours()?, &stock_programs()?)
        })
        .needs(stock, NO_STOCK),
        Case::new("stock_agent_files_in_our_agent_and_back", |place| {
            hand_over_agent(place, &stock_programs()?, &Programs::ours()?)
        })
        .needs(stock, NO_STOCK),
        Case::new("our_agent_files_in_stock_agent_and_back", |place| {
            hand_over_agent(place, &Programs::ours()?, &stock_programs()?)
        })
        .needs(stock, NO_STOCK),
    ]
}

/// What must be the same whoever serves it.
#[derive(Debug, PartialEq)]
struct Content {
    bundle: String,
    spiffe_bundle: Value,
    entries: Value,
    agents: Value,
}

impl Content {
    fn of(server: &Server) -> Result<Self> {
        let mut spiffe_bundle = server.json(&["bundle", "show", "-format", "spiffe"])?;
        if let Some(keys) = spiffe_bundle["jwt_authorities"].as_array_mut() {
            keys.sort_by_key(|key| key["key_id"].to_string());
        }
        Ok(Self {
            bundle: server.bundle()?,
            spiffe_bundle,
            entries: server.json(&["entry", "show"])?,
            agents: server.json(&["agent", "list"])?,
        })
    }
}

/// One server writes, the other reads and writes, the first reads again; an agent stays with it.
fn hand_over(place: &Place, first: &Programs, second: &Programs) -> Result<()> {
    let server = ServerPlan::new(place, "server")?.start(first)?;
    let own = Agent::own_selector();
    let more = [
        "-dns",
        "b.example.org",
        "-dns",
        "a.example.org",
        "-hint",
        "a hint",
        "-x509SVIDTTL",
        "1200",
        "-jwtSVIDTTL",
        "120",
        "-selector",
        "unix:user:somebody",
        "-entryExpiry",
        "4102444800",
        "-admin",
        "-downstream",
        "-jwtSVIDIncludeJTI",
    ];
    server.entry("/rich", "unix:gid:7", &more)?;
    server.entry("/one", &own, &[])?;
    let agent = AgentPlan::new(place, "agent", &server)?.attest(first, &server)?;
    agent.wait_svids(&[&server.id("/one")])?;
    let unused = server.token()?;
    let before = Content::of(&server)?;

    let (plan, _) = server.stop()?;
    let keys = fs::read(plan.keys())?;
    let server = plan
        .start(second)
        .with_context(|| format!("{} server second", second.name))?;
    ensure!(
        Content::of(&server)? == before,
        "{:?} instead of {before:?}",
        Content::of(&server)?
    );
    server.entry("/two", &own, &["-hint", "of the second"])?;
    agent
        .wait_svids(&[&server.id("/one"), &server.id("/two")])
        .context("at the second")?;
    let other = AgentPlan::new(place, "other", &server)?;
    let other = other
        .start(second, &["-joinToken", &unused])
        .context("with the old token")?;
    other
        .wait_svids(&[&server.id("/one"), &server.id("/two")])
        .context("the second agent")?;
    let between = Content::of(&server)?;
    ensure!(between.bundle == before.bundle, "the bundle has changed");

    let (plan, _) = server.stop()?;
    ensure!(fs::read(plan.keys())? == keys, "the keys have changed");
    let server = plan
        .start(first)
        .with_context(|| format!("{} server again", first.name))?;
    ensure!(
        Content::of(&server)? == between,
        "{:?} instead of {between:?}",
        Content::of(&server)?
    );
    server.entry("/three", &own, &[])?;
    let all = [server.id("/one"), server.id("/two"), server.id("/three")];
    agent
        .wait_svids(&all.each_ref().map(String::as_str))
        .context("at the first again")?;
    Ok(())
}

/// An agent's identity goes from one program to the other and back, without a token.
fn hand_over_agent(place: &Place, first: &Programs, second: &Programs) -> Result<()> {
    let server = ServerPlan::new(place, "server")?.start(first)?;
    server.entry("/one", &Agent::own_selector(), &[])?;
    let ids = [&*server.id("/one")];
    let agent = AgentPlan::new(place, "agent", &server)?.attest(first, &server)?;
    agent.wait_svids(&ids)?;
    let (plan, _) = agent.stop()?;
    let agent = plan
        .start(second, &[])
        .with_context(|| format!("{} second", second.name))?;
    agent.wait_svids(&ids).context("at the second")?;
    let (plan, _) = agent.stop()?;
    let agent = plan
        .start(first, &[])
        .with_context(|| format!("{} again", first.name))?;
    agent.wait_svids(&ids).context("at the first again")?;
    let agents = server.json(&["agent", "list"])?;
    ensure!(
        agents["agents"].as_array().map(Vec::len) == Some(1),
        "agents: {agents}"
    );
    Ok(())
}
