//! The agent's part of the house.

use std::{
    net::SocketAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, Result};
use steeple_agent_runtime::{Parts, RunningAgent};
use steeple_lifecycle::Tasks;
use steeple_telemetry::chain;

use super::{House, config, operator::Operator};

/// What the agent's identity must still last for it to be taken up again.
const MARGIN: Duration = Duration::from_secs(10);

/// The tasks of the agent that runs now; there may be several agents one after another.
#[derive(Default)]
pub(crate) struct AgentTasks(Mutex<Tasks>);

impl AgentTasks {
    /// Comes back when a part of the agent failed.
    pub(crate) async fn failed(&self) {
        self.current().stopping().cancelled().await;
    }

    /// Stops the agent and waits for its end.
    pub(crate) async fn end(&self) -> Result<()> {
        let tasks = self.current();
        tasks.stop();
        tasks.wait(super::DRAIN).await.context("the agent failed")
    }

    fn renewed(&self) -> Tasks {
        let tasks = Tasks::new();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = tasks.clone();
        tasks
    }

    fn current(&self) -> Tasks {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Starts the agent with the identity it has, or with a new join token where that is of no use
/// any more.
pub(crate) async fn start(
    house: &House<'_>,
    operator: &Operator,
    server: SocketAddr,
) -> Result<RunningAgent> {
    if keeps_identity(house, operator).await? {
        house.screen.step("Starting the agent");
        match attempt(house, server, None).await {
            Ok(agent) => return Ok(agent),
            Err(error) => {
                tracing::warn!(error = %chain(&*error), "The agent's identity is of no use any more; it attests anew")
            }
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

async fn attempt(
    house: &House<'_>,
    server: SocketAddr,
    token: Option<&str>,
) -> Result<RunningAgent> {
    let config = config::agent(house.folder, server, token)?;
    let parts = Parts {
        builtins: steeple_builtin::builtins(),
        clock: house.clock.clone(),
    };
    let tasks = house.agent_tasks.renewed();
    match steeple_agent_runtime::start(config, parts, &tasks).await {
        Ok(running) => {
            house.folder.keep_agent_id(&running.id)?;
            Ok(running)
        }
        Err(error) => {
            if let Err(error) = house.agent_tasks.end().await {
                tracing::debug!(%error, "A part of the agent that did not start failed too");
            }
            Err(error).context("the agent did not start")
        }
    }
}
