//! The helper's part of seed 003 as it is printed there.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Command};

use anyhow::{Context, Result, ensure};
use steeple_tests::{
    Agent, AgentPlan, Case, Place, Process, Programs, Room, Seed, ServerPlan, Terminal, parse_line,
    strip_colours,
};

use crate::world::{Trio, helper};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new("seed_003_helper", seed_003)
            .hiding_tmp()
            .needs(Seed::find("003").is_some(), "the seeds are not there")
            .needs(Room::possible(), "needs root and namespaces"),
    ]
}

/// The configuration as it is printed, indented in a list.
fn printed_config() -> Result<String> {
    let seed = fs::read_to_string(Seed::find("003").context("the seed is there")?)?;
    let (_, block) = seed.split_once("```conf\n").context("no configuration")?;
    let (config, _) = block
        .split_once("```")
        .context("no end of the configuration")?;
    ensure!(
        config.contains("cmd = \"~/aws_signing_helper\""),
        "{config}"
    );
    Ok(config.to_owned())
}

/// Stands in for `aws_signing_helper serve`: says what it got, and survives the signal.
const STAND_IN: &str = "#!/bin/sh\ntrap 'echo reloaded' USR1\n\
    echo \"Local server started on port: 9911 ($1 $3 $5 $7)\" >&2\nwhile :; do sleep 0.1; done\n";

fn seed_003(place: &Place) -> Result<()> {
    let programs = Programs::ours()?;
    let server = ServerPlan::new(place, "server")?.start(&programs)?;
    server.entry("/myservice", &Agent::own_selector(), &[])?;
    // Its socket is /tmp/spire-agent/public/api.sock in the room.
    place.open_dir("tmp")?;
    let agent = AgentPlan::new(place, "tmp/spire-agent", &server)?.attest(&programs, &server)?;
    agent.wait_svids(&[&server.id("/myservice")])?;

    let home = place.open_dir("home")?;
    let stand_in = place.write("home/aws_signing_helper", STAND_IN)?;
    fs::set_permissions(stand_in, fs::Permissions::from_mode(0o755))?;
    let config = printed_config()?;
    place.write("home/helper.conf", config)?;
    fs::copy(helper()?, place.path("home/spiffe-helper"))?;

    let room = Room::open(place, &[], &[])?;
    // Standard error on a terminal, as the author saw it.
    let mut command: Command = room.command(&home.display().to_string(), "sh");
    command
        .args(["-c", "exec ./spiffe-helper -config helper.conf 2>&1"])
        .env("HOME", &home);
    let log = place.path("helper.log");
    let helper = Process::start("spiffe-helper", command, &log, Terminal::Yes)?;
    let line = helper.wait_line(0, "Local server started")?;
    ensure!(
        line.ends_with("9911 (serve /tmp/svid.0.pem /tmp/svid.0.key /tmp/bundle.0.pem)"),
        "{line}"
    );
    let lines: Vec<String> = helper
        .lines()
        .iter()
        .map(|line| strip_colours(line))
        .collect();
    let id = server.id("/myservice");
    let expected = [
        "INFO[0000] Using configuration file: \"helper.conf\"       system=spiffe-helper"
            .to_owned(),
        "INFO[0000] Launching daemon                              system=spiffe-helper".to_owned(),
        "INFO[0000] Watching for X509 Context                     system=spiffe-helper".to_owned(),
        format!(
            "INFO[0000] Received update                               spiffe_id=\"{id}\" system=spiffe-helper"
        ),
        "INFO[0000] X.509 certificates updated                    system=spiffe-helper".to_owned(),
    ];
    // On a slow machine a second may have gone by.
    for (line, expected) in lines.iter().zip(&expected) {
        ensure!(
            line[10..] == expected[10..] && line.starts_with("INFO["),
            "{line}\n{expected}"
        );
        parse_line(line).context("no log line")?;
    }
    let tmp = place.path("tmp");
    let trio = Trio {
        key: fs::read_to_string(tmp.join("svid.0.key"))?,
        svid: fs::read_to_string(tmp.join("svid.0.pem"))?,
        bundle: fs::read_to_string(tmp.join("bundle.0.pem"))?,
    };
    ensure!(trio.check()?.uris == [id]);
    Ok(())
}
