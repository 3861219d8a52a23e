//! What the configuration files of server and agent have in common: finding and reading the file,
//! `-expandEnv`, the precedence of flags over file over defaults, plugin blocks, and the sections
//! `telemetry` and `health_checks`.
//!
//! Reading marks keys as known; [`steeple_hcl::Section::finish`] then names the others.

pub mod health;
pub mod log;
pub mod pending;
pub mod plugins;
pub mod telemetry;

mod errors;
mod expand;
mod features;
mod file;
mod layers;

pub use errors::{ConfigErrors, verdict};
pub use expand::expand_env;
pub use features::check_feature_flags;
pub use file::{absolute, read};
pub use layers::{Flag, Layers, Written};
pub use plugins::PluginConfig;

#[cfg(test)]
mod tests;
