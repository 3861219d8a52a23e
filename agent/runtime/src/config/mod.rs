//! The agent's configuration: read, merged, checked in one step, with every mistake told at once.
//!
//! An [`AgentConfig`] exists only if all of it is sound; nothing is checked again afterwards. Which
//! plugins exist, and how many of a type there may be, is checked where they are built.

mod bootstrap;
mod check;
mod experimental;
mod flags;
mod identity;
mod pending;
mod settings;
mod url;

use std::path::Path;

use steeple_hcl::{Document, Problem, Report};

pub use flags::AgentFlags;
pub use settings::{AgentConfig, BundleFormat, BundleSource, SdsNames};
pub use steeple_config::{ConfigErrors, PluginConfig};

/// The file that is read when no flag names one.
const DEFAULT_PATH: &str = "conf/agent/agent.conf";

/// Reads the file that the flags name (`conf/agent/agent.conf` if none) and merges it with them.
///
/// # Errors
/// When the file is missing, unreadable or no HCL, or with everything that is wrong in it.
pub fn load(flags: &AgentFlags) -> Result<AgentConfig, ConfigErrors> {
    load_with(flags, |_| Vec::new())
}

/// As [`load`]; when something is wrong, `plugins` adds what is wrong with the plugins, so that
/// everything is told at once.
///
/// # Errors
/// As [`load`].
pub fn load_with(
    flags: &AgentFlags,
    plugins: impl FnOnce(&[PluginConfig]) -> Vec<Problem>,
) -> Result<AgentConfig, ConfigErrors> {
    let given = flags.config.as_deref();
    let path = given.filter(|path| !path.as_os_str().is_empty());
    let path = path.unwrap_or_else(|| Path::new(DEFAULT_PATH));
    let document = steeple_config::read(path, flags.expand_env)?;
    examine(&document, flags, plugins)
}

/// Merges and checks a file that was read already.
///
/// # Errors
/// With everything that is wrong in it.
pub fn check(document: &Document, flags: &AgentFlags) -> Result<AgentConfig, ConfigErrors> {
    examine(document, flags, |_| Vec::new())
}

fn examine(
    document: &Document,
    flags: &AgentFlags,
    plugins: impl FnOnce(&[PluginConfig]) -> Vec<Problem>,
) -> Result<AgentConfig, ConfigErrors> {
    let report = Report::new();
    let (config, blocks) = check::root(&document.section(&report), flags);
    match (config, steeple_config::verdict(&report)) {
        (Some(config), Ok(warnings)) => Ok(AgentConfig {
            plugins: blocks,
            warnings,
            ..config
        }),
        // Whatever left a required value out has told why.
        _ => {
            let mut problems = report.problems();
            problems.extend(plugins(&blocks));
            Err(ConfigErrors::Mistakes(problems))
        }
    }
}

#[cfg(test)]
mod tests;
