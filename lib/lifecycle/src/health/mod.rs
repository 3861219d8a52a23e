//! Health: named checks, run every second until all is well and every minute from then on, and
//! an HTTP listener that tells the last results under a path for liveness and one for readiness.

mod checks;
mod listener;

pub use checks::{Check, Health, HealthError, Report, State};
pub use listener::{HealthConfig, serve};
