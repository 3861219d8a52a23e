//! What can be said about a configuration without touching anything.

use steeple_config::{ConfigErrors, PluginConfig};
use steeple_hcl::{Problem, Report};
use steeple_plugin_host::AgentPlan;
use steeple_plugin_sdk::config::CoreConfig;
use steeple_spiffe::TrustDomain;

use crate::{Parts, config::AgentConfig};

/// Configures every plugin. All mistakes are told at once.
pub(crate) fn plan(config: &AgentConfig, parts: &Parts) -> Result<AgentPlan, ConfigErrors> {
    let report = Report::new();
    read(&config.trust_domain, &config.plugins, parts, &report)
        .ok_or_else(|| ConfigErrors::Mistakes(report.problems()))
}

/// What is wrong with the plugins of a configuration that is wrong elsewhere too.
pub(crate) fn problems(blocks: &[PluginConfig], parts: &Parts) -> Vec<Problem> {
    let report = Report::new();
    // No plugin is started, so it does not matter for whom.
    if let Ok(nobody) = TrustDomain::parse("nobody.invalid") {
        drop(read(&nobody, blocks, parts, &report));
    }
    report.problems()
}

fn read(
    trust_domain: &TrustDomain,
    blocks: &[PluginConfig],
    parts: &Parts,
    report: &Report,
) -> Option<AgentPlan> {
    let core = CoreConfig {
        trust_domain: trust_domain.clone(),
        clock: parts.clock.clone(),
    };
    AgentPlan::new(&parts.builtins, blocks, &core, report).filter(|_| report.is_empty())
}
