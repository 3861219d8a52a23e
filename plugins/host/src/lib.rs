//! From the plugin blocks of a configuration to running plugins: which kinds there are, how many
//! of each are wanted, which built-in a name means, and what to say when it does not exist.
//!
//! The host knows kinds and rules; the plugins themselves are handed in as
//! [`BuiltIns`](steeple_plugin_sdk::builtin::BuiltIns), so that a program carries only the
//! platforms it is built with. Planning reads every block and reports all mistakes at once;
//! starting the plan opens files and connections.

mod agent;
mod plan;
mod rules;
mod select;
mod server;

pub use agent::{AgentNodeAttestation, AgentPlan, AgentPlugins};
pub use plan::StartError;
pub use server::{NamedBundlePublisher, NamedNodeAttestor, ServerPlan, ServerPlugins, data_store};

#[cfg(test)]
mod tests;
