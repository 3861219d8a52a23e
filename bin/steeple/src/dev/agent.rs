//! The agent's part of the house.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::{Context as _, Result};
use steeple_agent_runtime::{Parts, RunningAgent};
use steeple_lifecycle::Tasks;

use super::{House, config, operator::Operator};

/// What the agent's identity must still last for it to be taken up again.
const MARGIN: Duration = Duration::from_secs(10);

/// An agent that answers.
pub(crate) struct Agent {
    /// Where workloads reach it.
    pub(crate) socket: PathBuf,
    tasks: Tasks,
}

impl Agent {
    /// Comes back when a part of the agent failed.
    pub(crate) async fn failed(&self) {
        self.tasks.stopping().cancelled().await;
    }

    /// Stops it and waits for its end.
    pub(crate) async fn end(self, drain: Duration) -> Result<()> {
        self.tasks.stop();
        self.tasks.wait(drain).await.context("the agent failed")
    }
}

/// Starts the agent with the identity it has, or with a new join token where that is of no use
/// any more.
pub(crate) async fn start(
    house: &House<'_>,
    operator: &Operator,
    server: SocketAddr,
) -> Result<Agent> {
    if keeps_identity(house, operator).await? {
        house.screen.step("Starting the agent");
        match attempt(house, server, None).await {
            Ok(agent) => return Ok(agent),
            Err(error) => tracing::warn!("{error:#}; the agent attests anew"),
        }
    }
    house.screen.step("Attesting the agent with a join token");
    if let Some(old) = house.folder.agent_id()? {
        operator.remove_agent(&old).await?;
    }
    house.folder.forget_agent()?;
    let token = operator.join_token(&house.folder.trust_domain).await?;
    attempt(house, server, Some(&token)).await
}

/// Whether the agent was here before and the server still takes it for one.
async fn keeps_identity(house: &House<'_>, operator: &Operator) -> Result<bool> {
    let Some(id) = house.folder.agent_id()? else {
        return Ok(false);
    };
    let until = house.clock.now() + MARGIN;
    Ok(house.folder.agent_data().exists() && operator.agent_lasts(&id, until).await?)
}

async fn attempt(house: &House<'_>, server: SocketAddr, token: Option<&str>) -> Result<Agent> {
    let config = config::agent(house.folder, server, token)?;
    let parts = Parts {
        builtins: steeple_builtin::builtins(),
        clock: house.clock.clone(),
    };
    let tasks = Tasks::new();
    let started = steeple_agent_runtime::start(config, parts, &tasks).await;
    let RunningAgent { id, socket, .. } = match started {
        Ok(running) => running,
        Err(error) => {
            tasks.stop();
            if let Err(error) = tasks.wait(super::DRAIN).await {
                tracing::debug!(%error, "A part of the agent that did not start failed too");
            }
            return Err(error).context("the agent did not start");
        }
    };
    house.folder.keep_agent_id(&id)?;
    Ok(Agent { socket, tasks })
}
