//! `kill -9` at any moment leaves a key and a certificate that belong together.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use steeple_tests::{Agent, Case, Place};

use crate::world::{Trio, World, names, start};

const ROUNDS: usize = 60;

pub(crate) fn cases() -> Vec<Case> {
    vec![Case::new("helper_survives_kill_9", kill_9)]
}

fn random(below: u64) -> u64 {
    RandomState::new().build_hasher().finish() % below
}

fn kill_9(place: &Place) -> Result<()> {
    let world = World::new(place, &["-hint", "a"])?;
    let ids = [world.server.id("/workload"), world.server.id("/other")];
    world
        .server
        .entry("/other", &Agent::own_selector(), &["-hint", "b"])?;
    world.agent.wait_svids(&[&ids[0], &ids[1]])?;
    let folder = place.open_dir("certs")?;
    let config = |hint: &str| format!("{}hint = {hint:?}\n", world.config(&folder));
    // Another SVID and another key each time, or a mismatch would not show.
    let mut changes = 0;
    let mut last = String::new();
    for round in 0..ROUNDS {
        let hint = if round % 2 == 0 { "a" } else { "b" };
        let helper = start(place, &config(hint))?;
        if round == 0 {
            helper.wait_line(0, "X.509 certificates updated")?;
        }
        helper.wait_line(0, "Watching for X509 Context")?;
        std::thread::sleep(Duration::from_micros(random(60_000)));
        helper.kill()?;
        let trio = Trio::read(&folder)?.context("nobody writes")?;
        trio.check()
            .with_context(|| format!("after round {round}"))?;
        changes += usize::from(trio.key != last);
        last = trio.key;
    }
    ensure!(
        changes > 2,
        "too few updates got through to prove anything: {changes}"
    );
    let helper = start(place, &config("b"))?;
    helper.wait_line(0, "X.509 certificates updated")?;
    let leaf = Trio::read(&folder)?
        .context("nobody else writes")?
        .check()?;
    ensure!(leaf.uris == [ids[1].as_str()]);
    let left = names(&folder.join(".svid.pem.generations"))?;
    ensure!(
        left.len() <= 3,
        "what killed processes left is cleared away: {left:?}"
    );
    ensure!(names(&folder)?.len() == 4, "{:?}", names(&folder)?);
    eprintln!("helper_survives_kill_9: {changes} of {ROUNDS} rounds changed the files");
    Ok(())
}
