//! Workload API clients that nobody here wrote, unmodified: go-spiffe, py-spiffe, rust-spiffe.
//! They are in `interop/`; each case builds or installs its own by the language's own tool.

use std::{os::unix::process::CommandExt, path::PathBuf, process::Command};

use anyhow::{Context, Result, ensure};
use nix::unistd::geteuid;
use serde_json::{Value, json};
use steeple_tests::{
    Agent, AgentPlan, Case, LIMIT, Place, Process, Programs, Server, ServerPlan, Terminal,
    project_dir, run, target_dir,
};

/// The workloads of the mTLS case.
const ALICE: u32 = 1_001;
const BOB: u32 = 1_002;

pub(crate) fn cases() -> Vec<Case> {
    let there = |program: &str, word: &str| run(Command::new(program).arg(word)).is_ok();
    vec![
        Case::new("go_spiffe", go_spiffe).needs(there("go", "version"), "go is not installed"),
        Case::new("go_spiffe_mtls", go_spiffe_mtls)
            .needs(there("go", "version"), "go is not installed")
            .needs(
                geteuid().is_root(),
                "needs root, to run workloads as other users",
            ),
        Case::new("py_spiffe", py_spiffe)
            .needs(there("python3", "--version"), "python3 is not installed"),
        Case::new("rust_spiffe", rust_spiffe),
    ]
}

fn go_spiffe(place: &Place) -> Result<()> {
    let (server, agent) = start(place)?;
    let go = go_workload(place)?;
    let id = server.id("/client");

    let shown = show(&agent, Command::new(&go).arg("x509-source"))?;
    let seconds = shown[0]["seconds"].as_i64().unwrap_or_default();
    ensure!((1..=30).contains(&seconds), "{shown:?}");
    let expected = json!([{
        "id": id, "hint": "outside", "chain": 1, "authorities": 1, "seconds": seconds,
    }]);
    ensure!(json!(shown) == expected, "{shown:?}");

    let shown = show(&agent, Command::new(&go).arg("bundles"))?;
    ensure!(
        json!(shown) == json!([{"trust_domain": "example.org", "x509": 1, "jwt": 1}]),
        "{shown:?}"
    );

    let shown = show(&agent, Command::new(&go).args(["jwt-source", "tests"]))?;
    let expected = json!([{
        "id": id,
        "id_at_agent": id,
        "audience": ["tests"],
        "other_audience": false,
        "other_audience_at_agent": false,
    }]);
    ensure!(json!(shown) == expected, "{shown:?}");

    check_watch(&agent, Command::new(&go).args(["watch", "3"]))
}

fn go_spiffe_mtls(place: &Place) -> Result<()> {
    let (server, agent) = start(place)?;
    let go = go_workload(place)?;
    for (path, uid) in [("/alice", ALICE), ("/bob", BOB)] {
        let entry = server.entry(path, &format!("unix:uid:{uid}"), &[])?;
        agent
            .process
            .wait_line(0, &format!("msg=\"SVID updated\" entry={entry}"))?;
    }
    let workload = |uid: u32, words: &[&str]| {
        let mut command = Command::new(&go);
        command
            .args(words)
            .env("SPIFFE_ENDPOINT_SOCKET", agent.plan.endpoint());
        command.uid(uid).gid(uid);
        command
    };
    let (alice, bob) = (server.id("/alice"), server.id("/bob"));
    let greet = |expected_peer: &str| -> Result<(Process, String)> {
        let command = workload(ALICE, &["mtls-server", expected_peer]);
        let log = place.path("mtls-server.log");
        let process = Process::start("mTLS server", command, &log, Terminal::No)?;
        let line: Value = serde_json::from_str(&process.wait_line(0, "address")?)?;
        let address = line["address"].as_str().context("no address")?.to_owned();
        Ok((process, address))
    };

    let (mut process, address) = greet(&bob)?;
    let shown = run(&mut workload(BOB, &["mtls-client", &address, &alice]))?.success()?;
    let expected = json!({"peer": alice, "greeting": format!("hello {bob}\n")});
    ensure!(
        serde_json::from_str::<Value>(&shown)? == expected,
        "{shown}"
    );
    ensure!(process.wait_exit(LIMIT)?.success(), "the server failed");

    // Whom the server does not expect, it refuses.
    let (mut process, address) = greet(&server.id("/carol"))?;
    let refused = run(&mut workload(BOB, &["mtls-client", &address, &alice]))?;
    ensure!(refused.code == Some(1), "{refused:?}");
    ensure!(
        !process.wait_exit(LIMIT)?.success(),
        "the server greeted a stranger"
    );
    Ok(())
}

fn py_spiffe(place: &Place) -> Result<()> {
    let (server, agent) = start(place)?;
    let python = python()?;
    let script = project_dir().join("interop/python/workload.py");
    let workload = |words: [&str; 2]| {
        let mut command = Command::new(&python);
        command.arg(&script).args(words);
        command
    };
    check_fetch(&server, &agent, &mut workload(["fetch", "tests"]))?;
    check_watch(&agent, &mut workload(["watch", "3"]))
}

fn rust_spiffe(place: &Place) -> Result<()> {
    let (server, agent) = start(place)?;
    let rust = rust_workload()?;
    check_fetch(
        &server,
        &agent,
        Command::new(&rust).args(["fetch", "tests"]),
    )?;
    check_watch(&agent, Command::new(&rust).args(["watch", "3"]))
}

/// A server and an agent, and a short-lived entry for what this test starts.
fn start(place: &Place) -> Result<(Server, Agent)> {
    let programs = Programs::ours()?;
    let server = ServerPlan::new(place, "server")?.start(&programs)?;
    let more = ["-x509SVIDTTL", "30", "-hint", "outside"];
    server.entry("/client", &Agent::own_selector(), &more)?;
    let agent = AgentPlan::new(place, "agent", &server)?.attest(&programs, &server)?;
    agent.wait_svids(&[&server.id("/client")])?;
    Ok((server, agent))
}

/// Runs a client and reads the objects that it shows.
fn show(agent: &Agent, client: &mut Command) -> Result<Vec<Value>> {
    let printed = run(client.env("SPIFFE_ENDPOINT_SOCKET", agent.plan.endpoint()))?.success()?;
    let lines = printed
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>();
    lines.with_context(|| format!("it shows {printed:?}"))
}

/// The SVID, the bundles and a token, as py-spiffe and rust-spiffe show them.
fn check_fetch(server: &Server, agent: &Agent, client: &mut Command) -> Result<()> {
    let shown = show(agent, client)?;
    let id = server.id("/client");
    let expected = json!([
        {"id": id, "chain": 1, "authorities": 1},
        {"id": id, "id_at_agent": id},
    ]);
    ensure!(json!(shown) == expected, "{shown:?}");
    Ok(())
}

/// The client sees three certificates one after the other: two rotations.
fn check_watch(agent: &Agent, client: &mut Command) -> Result<()> {
    let shown = show(agent, client)?;
    let serials: Vec<_> = shown
        .iter()
        .map(|line| line["serial"].to_string())
        .collect();
    let distinct = serials.len() == 3 && serials[0] != serials[1] && serials[1] != serials[2];
    ensure!(distinct, "{serials:?}");
    Ok(())
}

/// Builds the Go client, and puts it where any uid can run it.
fn go_workload(place: &Place) -> Result<PathBuf> {
    let program = interop_dir()?.join("go-workload");
    let mut build = Command::new("go");
    build.args(["build", "-o"]).arg(&program).arg(".");
    install(build.current_dir(project_dir().join("interop/go")))?;
    let copy = place.path("go-workload");
    std::fs::copy(program, &copy)?;
    Ok(copy)
}

/// Installs the Python client into an environment of its own.
fn python() -> Result<PathBuf> {
    let requirements = project_dir().join("interop/python/requirements.txt");
    steeple_tests::python("venv", &requirements)
}

/// Builds the Rust client, which stands outside the workspace.
fn rust_workload() -> Result<PathBuf> {
    let target = interop_dir()?.join("rust");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build
        .args(["build", "--quiet", "--locked", "--target-dir"])
        .arg(&target);
    install(build.current_dir(project_dir().join("interop/rust")))?;
    Ok(target.join("debug/rust-workload"))
}

fn interop_dir() -> Result<PathBuf> {
    let dir: PathBuf = target_dir()?.join("interop");
    std::fs::create_dir_all(&dir)?;
    Ok(dir)
}

/// A download and a build have no deadline: they depend on the network and on the machine.
fn install(command: &mut Command) -> Result<()> {
    let output = command
        .output()
        .with_context(|| format!("starting {command:?}"))?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} failed: {stderr}");
    Ok(())
}
