//! `kill -9` at random points: every acknowledged write is there afterwards, and server and agent
//! come back by themselves.

use std::{
    cell::Cell,
    hash::{BuildHasher, Hasher, RandomState},
    rc::Rc,
    time::Duration,
};

use anyhow::{Context, Result, anyhow, ensure};
use futures::future::try_join_all;
use steeple_tests::{Agent, AgentPlan, Case, Place, Process, Programs, ServerPlan, unix_channel};
use tokio::time::{sleep, timeout};

use crate::kill_writer::{Rng, Writer, check};

const ROUNDS: usize = 50;
const WRITERS: usize = 4;

pub(crate) fn cases() -> Vec<Case> {
    vec![Case::new("kill_9", kill_9)]
}

fn kill_9(place: &Place) -> Result<()> {
    let seed = match std::env::var("STEEPLE_SEED") {
        Ok(seed) => seed.parse().context("STEEPLE_SEED is no number")?,
        Err(_) => RandomState::new().build_hasher().finish(),
    };
    eprintln!("kill_9: STEEPLE_SEED={seed}");
    rounds(place, seed).with_context(|| format!("to see it again, set STEEPLE_SEED={seed}"))
}

fn rounds(place: &Place, seed: u64) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let programs = Programs::ours()?;
    let mut rng = Rng::new(seed);
    let mut server = ServerPlan::new(place, "server")?.start(&programs)?;
    let expected = server.id("/workload");
    server.entry("/workload", &Agent::own_selector(), &[])?;
    let mut agent = AgentPlan::new(place, "agent", &server)?
        // often enough that a kill may fall into a renewal
        .setting("experimental { sync_interval = \"1s\" }")
        .attest(&programs, &server)?;
    agent.wait_svids(&[&expected])?;
    let mut writers: Vec<Writer> = (0..WRITERS)
        .map(|number| Writer::new(number, rng.split()))
        .collect();

    for round in 1..=ROUNDS {
        let kills_server = rng.below(3) > 0;
        let kills_agent = !kills_server || rng.below(3) == 0;
        let plan = server.plan.clone();
        let moment = Duration::from_millis(rng.below(150));
        let process = runtime
            .block_on(write_until(
                &plan,
                &mut writers,
                moment,
                server.process,
                kills_server,
            ))
            .with_context(|| format!("round {round}: writing"))?;
        server = match process {
            Some(process) => steeple_tests::Server {
                plan,
                process,
                programs: programs.clone(),
            },
            None => {
                interrupt_start(&plan, &programs, &mut rng)?;
                let again = plan.start(&programs);
                again.with_context(|| format!("round {round}: starting the server again"))?
            }
        };
        if kills_agent {
            let Agent {
                plan,
                programs,
                process,
            } = agent;
            process.kill()?;
            if rng.below(2) == 0 {
                let process = plan.launch(&programs, &[])?;
                std::thread::sleep(Duration::from_millis(rng.below(200)));
                process.kill()?;
            }
            let again = plan.start(&programs, &[]);
            agent = again.with_context(|| format!("round {round}: starting the agent again"))?;
        }
        runtime
            .block_on(check(&server.plan.socket(), &mut writers))
            .with_context(|| format!("round {round}: after the kill"))?;
        let svids = agent.wait_svids(&[&expected]);
        svids.with_context(|| format!("round {round}: the workload's SVID"))?;
    }
    let (created, updated, deleted) = Writer::acknowledged(&writers);
    eprintln!(
        "kill_9: {ROUNDS} rounds, acknowledged: {created} created, {updated} updated, {deleted} deleted"
    );
    ensure!(
        created > ROUNDS && updated > 0 && deleted > 0,
        "too few writes to prove anything"
    );
    Ok(())
}

/// Lets the writers write until the server is killed, or until the moment has come if it is not.
async fn write_until(
    plan: &ServerPlan,
    writers: &mut [Writer],
    moment: Duration,
    process: Process,
    kills: bool,
) -> Result<Option<Process>> {
    let ends = Rc::new(Cell::new(false));
    let mut writing = Vec::new();
    for writer in writers {
        let channel = unix_channel(&plan.socket()).await?;
        writing.push(writer.write(channel, Rc::clone(&ends)));
    }
    let kill = async {
        sleep(moment).await;
        ends.set(true);
        if kills {
            process.kill()?;
            return Ok(None);
        }
        Ok(Some(process))
    };
    let all = async { tokio::join!(kill, try_join_all(writing)) };
    let (process, written) = timeout(Duration::from_secs(60), all)
        .await
        .map_err(|_| anyhow!("no answer for 60 s"))?;
    written?;
    process
}

/// Now and then the server is killed while it starts, too.
fn interrupt_start(plan: &ServerPlan, programs: &Programs, rng: &mut Rng) -> Result<()> {
    while rng.below(3) == 0 {
        let process = plan.launch(programs)?;
        std::thread::sleep(Duration::from_millis(rng.below(120)));
        process.kill()?;
    }
    Ok(())
}
