//! The commands and files of `docs/how-to/aws-oidc.md`, as printed there, up to AWS itself.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, ensure};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;
use steeple_tests::{
    Agent, AgentPlan, Case, LIMIT, Place, Programs, Server, ServerPlan, eventually, free_port,
    project_dir, run,
};

use crate::{
    fetch::{DISCOVERY, LACKING, fetch, possible},
    provider,
};

/// The socket that the page names.
const SOCKET: &str = "/run/spire/sockets/agent.sock";

pub(crate) fn cases() -> Vec<Case> {
    vec![Case::new("oidc_how_to_page", page).needs(possible(), LACKING)]
}

fn page(place: &Place) -> Result<()> {
    let text = fs::read_to_string(project_dir().join("docs/how-to/aws-oidc.md"))?;
    let blocks: Vec<&str> = text.split("```").skip(1).step_by(2).collect();
    let block = |needle: &str| -> Result<&str> {
        let block = blocks.iter().find(|block| block.contains(needle));
        let (_, content) = block
            .and_then(|block| block.split_once('\n'))
            .with_context(|| format!("no block with {needle:?}"))?;
        Ok(content)
    };

    let mut plan = ServerPlan::new(place, "server")?;
    let settings = block("server {")?.lines();
    for line in settings.filter(|line| line.trim_start().starts_with(['c', 'j'])) {
        plan = plan.setting(line.trim());
    }
    let ours = Programs::ours()?;
    let server = plan.start(&ours)?;
    let agent = AgentPlan::new(place, "agent", &server)?.attest(&ours, &server)?;
    create(&server, block("/oidc-discovery-provider \\")?)?;
    create(&server, block("-spiffeID spiffe://example.org/s3-test")?)?;
    let ids = [server.id("/oidc-discovery-provider"), server.id("/s3-test")];
    agent.wait_svids(&[&ids[0], &ids[1]])?;

    let port = free_port()?;
    let socket = agent.plan.socket().display().to_string();
    let config = block("insecure_addr")?
        .replace("\":8080\"", &format!("\"127.0.0.1:{port}\""))
        .replace(SOCKET, &socket);
    let provider = provider::start(place, "provider", &config)?;
    let ask = |path: &str| {
        let url = format!("http://127.0.0.1:{port}{path}");
        fetch(&["-H", "Host: oidc.example.org", &url])
    };
    let keys = eventually("keys", LIMIT, || {
        Ok(ask("/keys")
            .ok()
            .filter(|keys| keys.status.contains(" 200 ")))
    })?;
    let shown = block("$ curl ")?;
    let (_, shown) = shown.split_once('\n').context("nothing shown")?;
    let shown = shown.trim_end().trim_end_matches("...").trim_end();
    let document = ask(DISCOVERY)?.body;
    ensure!(document.starts_with(shown), "{document} is not {shown}");

    let fetching = command_of(block("$ spire-agent api fetch jwt")?)?;
    let fetched = shell(&ours.agent(), &fetching.replace(SOCKET, &socket))?;
    let after = fetched.split(&format!("token({}):", ids[1])).nth(1);
    let token = after.and_then(|text| text.split_whitespace().next());
    check(token.context("no token")?, &document, &keys.body)?;
    ensure!(provider.terminate()?.code() == Some(0), "exit code");
    Ok(())
}

/// Runs an `entry create` of the page, for whoever runs this test.
fn create(server: &Server, block: &str) -> Result<()> {
    let socket = format!("-socketPath {}", server.plan.socket().display());
    let command = command_of(block)?
        .replace("entry create", &format!("entry create {socket}"))
        .replace("unix:uid:1000", &Agent::own_selector())
        .replace("unix:uid:1001", &Agent::own_selector());
    let printed = shell(&server.programs.server(), &command)?;
    ensure!(printed.contains("Entry ID"), "{printed}");
    Ok(())
}

/// The first command in a block.
fn command_of(block: &str) -> Result<String> {
    let mut lines = block.lines();
    let first = lines.find_map(|line| line.strip_prefix("$ "));
    let mut command = first.context("no command")?.to_owned();
    while let Some(more) = command.strip_suffix('\\') {
        command = format!("{more}{}", lines.next().context("an open command")?);
    }
    Ok(command)
}

/// Runs a command with our programs on the path.
fn shell(program: &Path, command: &str) -> Result<String> {
    let folder = program.parent().context("no folder")?.display().to_string();
    let path = std::env::var("PATH").unwrap_or_default();
    let mut sh = Command::new("sh");
    sh.args(["-c", command])
        .env("PATH", format!("{folder}:{path}"));
    run(&mut sh)?.success().with_context(|| command.to_owned())
}

/// The token is of the document's issuer and of one of the keys.
fn check(token: &str, document: &str, keys: &str) -> Result<()> {
    let part = |at: usize| -> Result<Value> {
        let part = token.split('.').nth(at).context("no JWT")?;
        Ok(serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part)?)?)
    };
    let (header, claims) = (part(0)?, part(1)?);
    let (document, keys): (Value, Value) =
        (serde_json::from_str(document)?, serde_json::from_str(keys)?);
    ensure!(claims["iss"] == document["issuer"], "{claims} {document}");
    ensure!(
        header["alg"] == "RS256" && header["kid"] == keys["keys"][0]["kid"],
        "{header} {keys}"
    );
    Ok(())
}
