//! The SVID straight from an agent, without files.

use anyhow::{Context, Result, ensure};
use nix::sys::signal::Signal;
use steeple_tests::{Agent, AgentPlan, Case, Place, Programs, Server, ServerPlan};
use x509_parser::pem::Pem;

use crate::{
    double::Double,
    program::{Serve, bare_session, credentials, failure},
};

pub(crate) fn cases() -> Vec<Case> {
    vec![Case::new("svid_from_the_agent", svid_from_the_agent)]
}

fn svid_from_the_agent(place: &Place) -> Result<()> {
    let programs = Programs::ours()?;
    let server = ServerPlan::new(place, "server")?.start(&programs)?;
    let agent = AgentPlan::new(place, "agent", &server)?.attest(&programs, &server)?;
    let double = Double::start(anchor(&server)?)?;
    let endpoint = agent.plan.endpoint();
    let words = ["--workload-api", endpoint.as_str()];
    let said = failure(&mut bare_session("credential-process", &double, &words)?)?;
    ensure!(said.contains("PermissionDenied"), "{said}");

    let more = ["-x509SVIDTTL", "20", "-hint", "aws"];
    server.entry("/client", &Agent::own_selector(), &more)?;
    agent.wait_svids(&[&server.id("/client")])?;
    let shown = credentials(&mut bare_session("credential-process", &double, &words)?)?;
    ensure!(shown["AccessKeyId"] == "ASIA1", "{shown}");
    let hint = [&words[..], &["--svid-hint", "other"]].concat();
    let said = failure(&mut bare_session("credential-process", &double, &hint)?)?;
    ensure!(said.contains("\"other\""), "{said}");

    // Rotation is followed: later sessions are signed with later SVIDs.
    let command = bare_session("serve", &double, &[&words[..], &["--debug"]].concat())?;
    let serve = Serve::start(place, command)?;
    let first = serve.credentials()?["Token"].clone();
    serve.process.wait_lines(0, "X.509-SVID ", 2)?;
    let count = double.seen().len();
    serve.process.signal(Signal::SIGUSR1)?;
    let seen = double.wait(count + 1)?;
    let proof = seen.last().context("no request")?.proof.clone();
    let proof = proof.map_err(anyhow::Error::msg)?;
    ensure!(
        first != format!("token-for-{}", proof.serial),
        "the same SVID as before"
    );
    Ok(())
}

/// The server's root, which IAM Roles Anywhere would have as its trust anchor.
fn anchor(server: &Server) -> Result<Vec<u8>> {
    let shown = server.must(&["bundle", "show"])?;
    let pem = Pem::iter_from_buffer(shown.as_bytes()).next();
    Ok(pem.context("no root")??.contents)
}
