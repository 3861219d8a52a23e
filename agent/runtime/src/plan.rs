//! What can be said about a configuration without touching anything.

use steeple_config::ConfigErrors;
use steeple_hcl::Report;
use steeple_plugin_host::AgentPlan;
use steeple_plugin_sdk::config::CoreConfig;

use crate::{Parts, config::AgentConfig};

/// Configures every plugin. All mistakes are told at once.
pub(crate) fn plan(config: &AgentConfig, parts: &Parts) -> Result<AgentPlan, ConfigErrors> {
    let report = Report::new();
    let core = CoreConfig {
        trust_domain: config.trust_domain.clone(),
        clock: parts.clock.clone(),
    };
    AgentPlan::new(&parts.builtins, &config.plugins, &core, &report)
        .filter(|_| report.is_empty())
        .ok_or_else(|| ConfigErrors::Mistakes(report.problems()))
}
