//! The agent's plugins.

use std::sync::Arc;

use steeple_config::PluginConfig;
use steeple_hcl::Report;
use steeple_plugin_sdk::{
    builtin::{BuiltIns, Descriptor},
    config::CoreConfig,
    keymanager::KeyManager,
    nodeattestor::AgentNodeAttestor,
    workloadattestor::WorkloadAttestor,
};

use crate::{
    plan::{Identity, Selected, StartError, StartLog, configure, intrinsic},
    rules::{AGENT, JOIN_TOKEN, KEY_MANAGER, NODE_ATTESTOR, WORKLOAD_ATTESTOR},
    select::check,
};

/// The agent's plugins, configured but not started; all there is to `validate`.
#[derive(Debug)]
pub struct AgentPlan {
    key_manager: Selected<dyn KeyManager>,
    node_attestor: NodeAttestorPlan,
    workload_attestors: Vec<Selected<dyn WorkloadAttestor>>,
}

#[derive(Debug)]
enum NodeAttestorPlan {
    JoinToken(Identity),
    Plugin(Selected<dyn AgentNodeAttestor>),
}

/// The agent's plugins, running.
pub struct AgentPlugins {
    /// Holds the agent's own keys.
    pub key_manager: Arc<dyn KeyManager>,
    /// How the node proves itself when the agent was given no join token.
    pub node_attestation: AgentNodeAttestation,
    /// Who is asked about a workload, in the order of the file.
    pub workload_attestors: Vec<Arc<dyn WorkloadAttestor>>,
}

/// How the node proves itself.
#[derive(Clone)]
pub enum AgentNodeAttestation {
    /// `join_token`: the agent presents the token it was started with.
    JoinToken,
    /// Any other.
    Plugin(Arc<dyn AgentNodeAttestor>),
}

impl AgentPlan {
    /// Reads every plugin block. `None` when there was a mistake, which is then in `report`.
    pub fn new(
        builtins: &BuiltIns,
        configs: &[PluginConfig],
        core: &CoreConfig,
        report: &Report,
    ) -> Option<Self> {
        check(configs, AGENT, &|kind| names(builtins, kind), report);
        let managers = &builtins.agent_key_managers;
        let key_manager = configure(configs, KEY_MANAGER, managers, core, report).pop();
        let attestors = &builtins.agent_node_attestors;
        let plugin = configure(configs, NODE_ATTESTOR, attestors, core, report).pop();
        let join_token = intrinsic(configs, NODE_ATTESTOR, JOIN_TOKEN, report);
        let attestors = &builtins.workload_attestors;
        let workload_attestors = configure(configs, WORKLOAD_ATTESTOR, attestors, core, report);
        let node_attestor = plugin
            .map(NodeAttestorPlan::Plugin)
            .or(join_token.map(NodeAttestorPlan::JoinToken))
            .filter(|_| report.is_empty())?;
        Some(Self {
            key_manager: key_manager?,
            node_attestor,
            workload_attestors,
        })
    }

    /// Starts every plugin and logs each as SPIRE does.
    ///
    /// # Errors
    /// The first plugin that could not start.
    pub async fn start(self) -> Result<AgentPlugins, StartError> {
        let mut log = StartLog::default();
        let key_manager = self.key_manager.start(&mut log).await?;
        let node_attestation = match self.node_attestor {
            NodeAttestorPlan::JoinToken(identity) => {
                log.started(identity);
                AgentNodeAttestation::JoinToken
            }
            NodeAttestorPlan::Plugin(selected) => {
                AgentNodeAttestation::Plugin(selected.start(&mut log).await?)
            }
        };
        let mut workload_attestors = Vec::new();
        for selected in self.workload_attestors {
            workload_attestors.push(selected.start(&mut log).await?);
        }
        log.write();
        Ok(AgentPlugins {
            key_manager,
            node_attestation,
            workload_attestors,
        })
    }
}

fn names(builtins: &BuiltIns, kind: &str) -> Vec<&'static str> {
    fn of<K: ?Sized>(descriptors: &[Descriptor<K>]) -> Vec<&'static str> {
        descriptors
            .iter()
            .map(|descriptor| descriptor.name)
            .collect()
    }
    match kind {
        KEY_MANAGER => of(&builtins.agent_key_managers),
        NODE_ATTESTOR => [vec![JOIN_TOKEN], of(&builtins.agent_node_attestors)].concat(),
        WORKLOAD_ATTESTOR => of(&builtins.workload_attestors),
        _ => Vec::new(),
    }
}
