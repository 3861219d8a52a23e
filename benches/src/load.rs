//! Closed-loop load: a number of callers, each with its next call as soon as the last is answered.

use std::time::Duration;

use anyhow::{Result, anyhow};
use tokio::{task::JoinSet, time::Instant};

use crate::cpu::cpu_time;

/// No measurement makes more calls than this.
const MOST_CALLS: usize = 500_000;

/// What came of it.
#[derive(Debug)]
pub(crate) struct Load {
    latencies: Vec<Duration>,
    elapsed: Duration,
    cpu: Duration,
}

impl Load {
    /// Calls in a second.
    #[expect(clippy::cast_precision_loss, reason = "a count of calls")]
    pub(crate) fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.elapsed.as_secs_f64()
    }

    /// The time below which this share of the calls were answered.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        percentile(&self.latencies, percent)
    }

    /// CPU time of the process under test for each call.
    pub(crate) fn cpu_each(&self) -> Duration {
        let calls = u32::try_from(self.latencies.len()).unwrap_or(u32::MAX);
        self.cpu / calls.max(1)
    }
}

/// The time below which this share of sorted latencies lies.
pub(crate) fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).copied().unwrap_or_default()
}

/// One caller: what it calls again and again. `None` ends it early.
pub(crate) trait Caller: Send + 'static {
    /// Makes one call to its end.
    fn call(&mut self) -> impl Future<Output = Result<Option<()>>> + Send;
}

/// Lets the callers call until the window is over, and watches the process under test.
pub(crate) async fn run<C: Caller>(callers: Vec<C>, window: Duration, pid: u32) -> Result<Load> {
    let most = MOST_CALLS / callers.len().max(1);
    let before = cpu_time(pid)?;
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for mut caller in callers {
        tasks.spawn(async move {
            let mut latencies = Vec::new();
            while start.elapsed() < window && latencies.len() < most {
                let begin = Instant::now();
                match caller.call().await? {
                    Some(()) => latencies.push(begin.elapsed()),
                    None => break,
                }
            }
            Ok::<_, anyhow::Error>(latencies)
        });
    }
    let mut latencies = Vec::new();
    while let Some(done) = tasks.join_next().await {
        latencies.extend(done.map_err(|error| anyhow!("a caller died: {error}"))??);
    }
    let elapsed = start.elapsed();
    let cpu = cpu_time(pid)?.saturating_sub(before);
    latencies.sort_unstable();
    Ok(Load {
        latencies,
        elapsed,
        cpu,
    })
}
