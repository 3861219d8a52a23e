//! What a plugin is: one small trait a kind, its errors, and the conformance suite that every
//! implementation calls.
//!
//! Server and agent know these traits only. Which implementations exist is the business of
//! `plugins/host`; a platform's crate lists its own in a `builtins()` function.

pub mod builtin;
pub mod bundlepublisher;
pub mod config;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod keymanager;
pub mod nodeattestor;
pub mod upstreamauthority;
pub mod workloadattestor;

mod error;

pub use error::PluginError;
