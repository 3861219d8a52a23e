//! Logs, in the forms that SPIRE prints.
//!
//! Code logs through `tracing`: the message is logrus' `msg`, every field is an ordinary logrus
//! field, and the fields of the enclosing spans are added to each line. Write
//!
//! ```
//! # let name = "disk";
//! tracing::info!(subsystem_name = "catalog", plugin_name = %name, external = false, "Plugin loaded");
//! ```
//!
//! A value given by `%` is shown by `Display`, one by `?` by `Debug`; an error belongs in the field
//! `error`. Quotes are added where logrus adds them: never quote a value yourself.
//! [`init`] installs the subscriber once for the process.

mod chain;
mod config;
mod filter;
mod line;
mod logrus;
mod quote;
mod sink;
mod subscriber;

pub use chain::chain;
pub use config::{Format, Level, LogConfig, LogConfigError};
pub use subscriber::{LogError, LogHandle, init};
