//! Stock SPIRE in both directions: its agent at our server, our agent at its server.

use std::{fs, process::Command};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use steeple_tests::{Agent, AgentPlan, Case, Place, Programs, ServerPlan, run};

/// What a case lacks when the stock programs are absent.
pub(crate) const NO_STOCK: &str = "stock SPIRE is not here (STEEPLE_STOCK_SPIRE names a folder with spire-server and spire-agent)";

pub(crate) fn cases() -> Vec<Case> {
    let stock = Programs::stock().is_some();
    vec![
        Case::new("our_agent_at_our_server", |place| {
            follow(place, &Programs::ours()?, &Programs::ours()?)
        }),
        Case::new("stock_agent_at_our_server", |place| {
            follow(place, &Programs::ours()?, &stock_programs()?)
        })
        .needs(stock, NO_STOCK),
        Case::new("our_agent_at_stock_server", |place| {
            follow(place, &stock_programs()?, &Programs::ours()?)
        })
        .needs(stock, NO_STOCK),
    ]
}

pub(crate) fn stock_programs() -> Result<Programs> {
    Programs::stock().context(NO_STOCK)
}

/// An agent attests, serves X.509 and JWT SVIDs, and follows its entries; it goes on when the
/// server or itself was started anew.
fn follow(place: &Place, server: &Programs, agent: &Programs) -> Result<()> {
    let server_programs = server;
    let server = ServerPlan::new(place, "server")?.start(server)?;
    let own = Agent::own_selector();
    let entry = server.entry("/one", &own, &["-dns", "one.example.org"])?;
    let agent_plan = AgentPlan::new(place, "agent", &server)?;
    let agent = agent_plan.attest(agent, &server).context("attesting")?;
    agent.wait_svids(&[&server.id("/one")])?;
    check_x509(place, &agent).context("the X.509-SVID")?;
    check_jwt(&agent, &server.id("/one")).context("the JWT-SVID")?;

    let (one, two, node) = (server.id("/one"), server.id("/two"), server.id("/node"));
    let update = ["-entryID", &entry, "-parentID", &node, "-selector", &own];
    server.must(&[&["entry", "update", "-spiffeID", &two], &update[..]].concat())?;
    agent.wait_svids(&[&two]).context("after an update")?;
    let other = server.entry("/three", &own, &[])?;
    agent
        .wait_svids(&[&two, &server.id("/three")])
        .context("after a create")?;
    server.must(&["entry", "delete", "-entryID", &other])?;
    agent.wait_svids(&[&two]).context("after a delete")?;
    check_jwt(&agent, &two).context("the JWT-SVID after an update")?;

    let (server_plan, _) = server.stop()?;
    agent
        .wait_svids(&[&two])
        .context("while the server is away")?;
    let server = server_plan
        .start(server_programs)
        .context("starting the server again")?;
    server.must(&[&["entry", "update", "-spiffeID", &one], &update[..]].concat())?;
    agent
        .wait_svids(&[&one])
        .context("after the server was away")?;

    let programs = agent.programs.clone();
    let (agent_plan, status) = agent.stop()?;
    ensure!(status.success(), "the agent ended with {status}");
    let agent = agent_plan
        .start(&programs, &[])
        .context("starting the agent again")?;
    agent
        .wait_svids(&[&one])
        .context("after the agent was away")?;
    let agents = server.json(&["agent", "list"])?;
    ensure!(
        agents["agents"].as_array().map(Vec::len) == Some(1),
        "agents: {agents}"
    );

    server.must(&["entry", "delete", "-entryID", &entry])?;
    agent.wait_svids(&[]).context("after the last delete")?;
    Ok(())
}

/// What the agent hands out verifies against its bundle, has its key and its names.
fn check_x509(place: &Place, agent: &Agent) -> Result<()> {
    let dir = place.open_dir("fetched")?;
    agent
        .cli(&["api", "fetch", "x509", "-write", &dir.to_string_lossy()])?
        .success()?;
    for name in ["svid.0.pem", "svid.0.key", "bundle.0.pem"] {
        ensure!(fs::metadata(dir.join(name))?.len() > 0, "{name} is empty");
    }
    if run(Command::new("openssl").arg("version")).is_err() {
        return Ok(()); // the clients' cases verify as well
    }
    let openssl =
        |words: &[&str]| run(Command::new("openssl").args(words).current_dir(&dir))?.success();
    openssl(&[
        "verify",
        "-CAfile",
        "bundle.0.pem",
        "-untrusted",
        "svid.0.pem",
        "svid.0.pem",
    ])?;
    let names = openssl(&[
        "x509",
        "-in",
        "svid.0.pem",
        "-noout",
        "-ext",
        "subjectAltName",
    ])?;
    ensure!(
        names.contains("DNS:one.example.org, URI:spiffe://example.org/one"),
        "{names}"
    );
    let of_key = openssl(&["pkey", "-in", "svid.0.key", "-pubout"])?;
    let of_svid = openssl(&["x509", "-in", "svid.0.pem", "-noout", "-pubkey"])?;
    ensure!(of_key == of_svid, "the key is not the certificate's");
    Ok(())
}

/// The token is for this identity, and the agent accepts it for its audience only.
fn check_jwt(agent: &Agent, id: &str) -> Result<()> {
    let fetch = [
        "api",
        "fetch",
        "jwt",
        "-audience",
        "tests",
        "-output",
        "json",
    ];
    let fetched: Value = serde_json::from_str(&agent.cli(&fetch)?.success()?)?;
    let svid = &fetched[0]["svids"][0];
    ensure!(svid["spiffe_id"] == id, "{fetched}");
    let token = svid["svid"]
        .as_str()
        .with_context(|| format!("no token in {fetched}"))?;
    ensure!(
        fetched[1]["bundles"]["spiffe://example.org"].is_string(),
        "no bundle in {fetched}"
    );
    let validate = |audience: &str| {
        agent.cli(&[
            "api",
            "validate",
            "jwt",
            "-audience",
            audience,
            "-svid",
            token,
        ])
    };
    let valid = validate("tests")?.success()?;
    ensure!(
        valid.starts_with("SVID is valid.\n") && valid.contains(id),
        "{valid:?}"
    );
    let invalid = validate("others")?.failure(1)?;
    ensure!(invalid.contains("audience"), "{invalid:?}");
    Ok(())
}
