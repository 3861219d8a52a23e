//! What the configuration files of server and agent have in common: finding and reading the file,
//! `-expandEnv`, the precedence of flags over file over defaults, plugin blocks, and the sections
//! `telemetry` and `health_checks`.

mod errors;
mod plugins;

pub use errors::ConfigErrors;
pub use plugins::PluginConfig;
