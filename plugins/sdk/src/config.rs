//! What every plugin is configured with.

use steeple_hcl::Section;
use steeple_lifecycle::Clock;
use steeple_spiffe::TrustDomain;

/// Settings of the server or agent that a plugin may need.
#[derive(Clone, Debug)]
pub struct CoreConfig {
    /// The trust domain that the plugin serves.
    pub trust_domain: TrustDomain,
    /// What time it is, for plugins that issue or check anything.
    pub clock: Clock,
}

/// A plugin's `plugin_data`, as written, with positions. Reading a value marks its key as known;
/// mistakes and unknown keys go into the section's report, so that all are told at once.
pub type PluginData<'a> = Section<'a>;
