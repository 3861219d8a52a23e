//! Waiting for something outside this process that sends no event.

use std::{thread, time::Duration};

use anyhow::{Result, bail};

/// How long anything may take before a case calls it a failure. Generous: the machine may be busy.
pub const LIMIT: Duration = Duration::from_secs(60);

const STEP: Duration = Duration::from_millis(20);

/// Asks again and again until there is an answer, at most for `limit`; an error ends the wait.
pub fn eventually<T>(
    what: &str,
    limit: Duration,
    mut ask: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let mut waited = Duration::ZERO;
    loop {
        if let Some(answer) = ask()? {
            return Ok(answer);
        }
        if waited >= limit {
            bail!("waited {limit:?} in vain for {what}");
        }
        thread::sleep(STEP);
        waited += STEP;
    }
}
