//! Staying: rotation, the process, the pid file, health.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use anyhow::{Context, Result, ensure};
use nix::sys::signal::Signal;
use steeple_tests::{
    Case, LIMIT, Place, Process, Server, Terminal, eventually, find_line, free_port,
};

use crate::world::{Trio, World, start};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new("helper_readers_see_pairs", readers_see_pairs),
        Case::new("helper_supervises_cmd", supervises_cmd),
        Case::new("helper_restarts_cmd_by_policy", restarts_cmd),
        Case::new("helper_signals_a_pid_file", signals_pid_file),
        Case::new("helper_tells_health", tells_health),
    ]
}

const UPDATED: &str = "X.509 certificates updated";

/// Has the agent get a new SVID by giving the entry another DNS name.
fn renew(server: &Server, round: usize) -> Result<()> {
    let shown = server.json(&["entry", "show", "-spiffeID", &server.id("/workload")])?;
    let id = shown["entries"][0]["id"].as_str().context("no entry")?;
    let (spiffe_id, parent) = (server.id("/workload"), server.id("/node"));
    let selector = steeple_tests::Agent::own_selector();
    let dns = format!("round-{round}.local");
    let words = [
        "entry",
        "update",
        "-entryID",
        id,
        "-spiffeID",
        &spiffe_id,
        "-parentID",
        &parent,
    ];
    let words = [&words[..], &["-selector", &selector, "-dns", &dns]].concat();
    server.must(&words)?;
    Ok(())
}

fn readers_see_pairs(place: &Place) -> Result<()> {
    let world = World::new(place, &[])?;
    let folder = place.open_dir("certs")?;
    let helper = start(place, &world.config(&folder))?;
    helper.wait_line(0, UPDATED)?;
    let over = AtomicBool::new(false);
    let generation = folder.join(".svid.pem.generations/current");
    thread::scope(|scope| -> Result<()> {
        let by_name = scope.spawn(|| watch(&folder, &over));
        let by_generation = scope.spawn(|| watch_generations(&generation, &over));
        for round in 0..8 {
            let mark = helper.mark();
            renew(&world.server, round)?;
            helper.wait_line(mark, UPDATED)?;
        }
        over.store(true, Ordering::Relaxed);
        let keys = by_name
            .join()
            .map_err(|_| anyhow::anyhow!("the reader panicked"))??;
        ensure!(keys >= 8, "saw only {keys} keys");
        by_generation
            .join()
            .map_err(|_| anyhow::anyhow!("the reader panicked"))?
    })
}

/// Reads by the names in the configuration; returns how many keys came by.
fn watch(folder: &Path, over: &AtomicBool) -> Result<usize> {
    let mut seen = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let Some(trio) = Trio::read(folder)? else {
            continue;
        };
        if seen.last() != Some(&trio.key) {
            trio.check()?;
            seen.push(trio.key);
        }
    }
    Ok(seen.len())
}

/// Reads by way of one generation, and needs no second look.
fn watch_generations(current: &Path, over: &AtomicBool) -> Result<()> {
    while !over.load(Ordering::Relaxed) {
        let generation = fs::canonicalize(current)?;
        Trio::read(&generation)?
            .context("a generation changed")?
            .check()?;
    }
    Ok(())
}

/// A program that says what happens to it.
fn script(place: &Place, text: &str) -> Result<PathBuf> {
    let path = place.write("child.sh", format!("#!/bin/sh\n{text}\n"))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    Ok(path)
}

const TALKATIVE: &str = "trap 'echo child $$ renewed' USR1\n\
    trap 'echo child $$ ends; exit 0' TERM\n\
    echo \"child $$ started with $# arguments, the last is <$2>\"\n\
    while :; do sleep 0.05; done";

fn supervises_cmd(place: &Place) -> Result<()> {
    let world = World::new(place, &[])?;
    let script = script(place, TALKATIVE)?;
    let folder = place.open_dir("certs")?;
    let config = world.config(&folder)
        + &format!(
            "cmd = \"{}\"\ncmd_args = \"serve \\\"a b\\\"\"\nrenew_signal = \"SIGUSR1\"\n",
            script.display()
        );
    let helper = start(place, &config)?;
    let started = helper.wait_line(0, "started with 2 arguments, the last is <a b>")?;
    let child: Vec<&str> = started.split(' ').take(2).collect();
    let child = child.join(" ");
    for round in 0..3 {
        let mark = helper.mark();
        renew(&world.server, round)?;
        helper.wait_line(mark, &format!("{child} renewed"))?;
    }
    let starts = helper
        .lines()
        .iter()
        .filter(|line| line.contains("started"))
        .count();
    ensure!(starts == 1, "started {starts} times");
    helper.signal(Signal::SIGTERM)?;
    helper.wait_line(0, &format!("{child} ends"))?;
    let lines = helper.lines();
    let mut helper = helper;
    ensure!(helper.wait_exit(LIMIT)?.success(), "{lines:?}");
    ensure!(find_line(&helper.lines(), "Exiting", &[]).is_some());
    Ok(())
}

fn restarts_cmd(place: &Place) -> Result<()> {
    let world = World::new(place, &[])?;
    let script = script(place, "echo run; exit 3")?;
    let config = |restart: &str| {
        let folder = place.open_dir("certs")?;
        let config = world.config(&folder);
        anyhow::Ok(format!("{config}cmd = \"{}\"\n{restart}", script.display()))
    };
    let always = start(place, &config("cmd_restart = \"always\"\n")?)?;
    always.wait_lines(0, "run", 3)?;
    always.terminate()?;
    let by_update = start(place, &config("")?)?;
    by_update.wait_line(0, "Process ended")?;
    let runs = |process: &Process| process.lines().iter().filter(|line| *line == "run").count();
    let updates = |process: &Process| {
        process
            .lines()
            .iter()
            .filter(|line| line.contains(UPDATED))
            .count()
    };
    renew(&world.server, 1)?;
    eventually("a second run", LIMIT, || {
        Ok((runs(&by_update) >= 2).then_some(()))
    })?;
    ensure!(
        runs(&by_update) <= updates(&by_update),
        "an update starts it, nothing else"
    );
    Ok(())
}

fn signals_pid_file(place: &Place) -> Result<()> {
    let world = World::new(place, &[])?;
    let pid_file = place.path("child.pid");
    let config = world.config(&place.open_dir("certs")?)
        + &format!(
            "pid_file_name = \"{}\"\nrenew_signal = \"SIGUSR1\"\n",
            pid_file.display()
        );
    let helper = start(place, &config)?;
    helper.wait_line(0, UPDATED)?;
    // The file is not there: that holds nothing up.
    let mark = helper.mark();
    renew(&world.server, 1)?;
    helper.wait_line(mark, UPDATED)?;
    let script = script(place, TALKATIVE)?;
    let child = Process::start(
        "child",
        Command::new(script),
        &place.path("child.log"),
        Terminal::No,
    )?;
    child.wait_line(0, "started")?;
    fs::write(&pid_file, format!("{}\n", child.pid()))?;
    child.wait_line(0, "renewed")?;
    Ok(())
}

fn page(port: u16, path: &str) -> Result<(u16, serde_json::Value)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let (head, body) = text.split_once("\r\n\r\n").context("no body")?;
    let status = head.split(' ').nth(1).context("no status")?.parse()?;
    Ok((status, serde_json::from_str(body).unwrap_or_default()))
}

fn tells_health(place: &Place) -> Result<()> {
    // Short enough that it expires within the case's time.
    let world = World::new(place, &["-x509SVIDTTL", "12"])?;
    let port = free_port()?;
    let config = world.config(&place.open_dir("certs")?)
        + &format!(
            "jwt_bundle_file_name = \"jwt.json\"\njwt_svids = [{{ jwt_audience = \"a\", jwt_svid_file_name = \"token\" }}]\n\
             health_checks {{ listener_enabled = true bind_port = {port} }}\n"
        );
    let helper = start(place, &config)?;
    helper.wait_line(0, "JWT SVID updated")?;
    let ready = || page(port, "/ready");
    eventually("readiness", LIMIT, || Ok((ready()?.0 == 200).then_some(())))?;
    let (status, body) = page(port, "/live")?;
    ensure!(status == 200 && body["status"] == "OK", "{status} {body}");
    let statuses = &body["health"]["file_write_statuses"];
    ensure!(statuses["x509_write_status"] == "written", "{body}");
    let token = place.path("certs/token").display().to_string();
    ensure!(statuses["jwt_write_status"][&token] == "written", "{body}");
    ensure!(page(port, "/")?.0 == 404);
    // Without the agent the SVID expires: still alive, no longer ready.
    world.agent.process.kill()?;
    eventually("staleness", LIMIT, || Ok((ready()?.0 == 503).then_some(())))?;
    let (_, body) = ready()?;
    ensure!(body["health"]["files"]["x509"]["stale"] == true, "{body}");
    ensure!(
        body["health"]["files"]["x509"]["error"].is_string(),
        "{body}"
    );
    ensure!(page(port, "/live")?.0 == 200);
    ensure!(helper.terminate()?.success());
    Ok(())
}
