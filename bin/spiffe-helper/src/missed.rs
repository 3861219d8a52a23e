//! What went wrong with the agent, and where to look.

use steeple_workload::{Address, WorkloadError};

/// The error, with the address that was asked and what it takes.
pub(crate) fn explain(error: &WorkloadError, address: &Address) -> String {
    if error.is_denied() {
        return format!(
            "{error}; the agent at {address} has no identity for this process: check the selectors of its entry"
        );
    }
    format!("{error}; the Workload API was asked at {address}")
}
