//! Plugin blocks: `NodeAttestor "join_token" { plugin_data { .. } }`.

use std::path::PathBuf;

use steeple_hcl::OwnedSection;

/// One plugin block, in the order of the file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PluginConfig {
    /// The plugin's type, such as `NodeAttestor`.
    pub kind: String,
    /// Its name, such as `join_token`.
    pub name: String,
    /// `enabled`; true unless said otherwise.
    pub enabled: bool,
    /// `plugin_cmd`: the program of an external plugin; none for a built-in.
    pub cmd: Option<PathBuf>,
    /// `plugin_args`, for an external plugin.
    pub args: Vec<String>,
    /// `plugin_checksum`: the program's SHA-256 in hex.
    pub checksum: Option<String>,
    /// `plugin_data`, or what `plugin_data_file` contained when the configuration was read.
    pub data: OwnedSection,
    /// `plugin_data_file`: where the data came from, to be read again on SIGUSR1.
    pub data_file: Option<PathBuf>,
}

impl PluginConfig {
    /// Whether it is a program of its own.
    pub fn is_external(&self) -> bool {
        self.cmd.is_some()
    }
}
