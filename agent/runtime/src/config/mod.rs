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

use steeple_hcl::{Document, Report};

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
    let given = flags.config.as_deref();
    let path = given.filter(|path| !path.as_os_str().is_empty());
    let path = path.unwrap_or_else(|| Path::new(DEFAULT_PATH));
    check(&steeple_config::read(path, flags.expand_env)?, flags)
}

/// Merges and checks a file that was read already.
///
/// # Errors
/// With everything that is wrong in it.
pub fn check(document: &Document, flags: &AgentFlags) -> Result<AgentConfig, ConfigErrors> {
    let report = Report::new();
    let config = check::root(&document.section(&report), flags);
    let warnings = steeple_config::verdict(&report)?;
    match config {
        Some(config) => Ok(AgentConfig { warnings, ..config }),
        // Whatever left a required value out has told why; this only keeps the types honest.
        None => Err(ConfigErrors::Mistakes(report.problems())),
    }
}

#[cfg(test)]
mod tests;
