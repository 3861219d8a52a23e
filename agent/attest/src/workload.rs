//! Finding out what a calling process is, by all workload attestors at once.

use std::{fmt, sync::Arc, time::Duration};

use futures::future::join_all;
use steeple_grpc::PeerProcess;
use steeple_plugin_sdk::{PluginError, workloadattestor::WorkloadAttestor};
use steeple_spiffe::Selector;

use crate::{Gone, Pin};

/// How long one attestor may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Why a caller is unknown.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkloadError {
    /// The process has ended, so nothing said of its pid is about the caller.
    #[error(transparent)]
    Gone(#[from] Gone),
    /// No attestor had an answer.
    #[error("{}", .0.join("; "))]
    AllFailed(Vec<String>),
}

/// The workload attestors.
#[derive(Clone)]
pub struct Workloads(Arc<[Arc<dyn WorkloadAttestor>]>);

impl Workloads {
    /// Asks these.
    pub fn new(attestors: Vec<Arc<dyn WorkloadAttestor>>) -> Self {
        Self(attestors.into())
    }

    /// What is proven of `process`, each selector once and sorted. Attestors that fail are told
    /// in the log and left out. The process is alive before and after, so it is the one that was
    /// looked at.
    ///
    /// # Errors
    /// When the process has ended, or every attestor failed.
    pub async fn attest(&self, process: &PeerProcess) -> Result<Vec<Selector>, WorkloadError> {
        let pin = Pin::new(process)?;
        let pid = pin.pid();
        let answers = join_all(self.0.iter().map(|attestor| ask(attestor.as_ref(), pid))).await;
        pin.check()?;
        let mut selectors = Vec::new();
        let mut errors = Vec::new();
        for answer in answers {
            match answer {
                Ok(found) => selectors.extend(found),
                Err(error) => errors.push(error),
            }
        }
        if !errors.is_empty() && errors.len() == self.0.len() {
            return Err(WorkloadError::AllFailed(errors));
        }
        if !errors.is_empty() {
            tracing::error!(
                subsystem_name = "workload_attestor",
                error = errors.join("; "),
                "Failed to collect all selectors"
            );
        }
        selectors.sort();
        selectors.dedup();
        // The agent calls itself for its health; that is no news.
        if pid != std::process::id() {
            tracing::debug!(
                subsystem_name = "workload_attestor",
                pid,
                selectors = selectors.len(),
                "PID attested to have selectors"
            );
        }
        Ok(selectors)
    }
}

impl fmt::Debug for Workloads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|attestor| attestor.kind()))
            .finish()
    }
}

async fn ask(attestor: &dyn WorkloadAttestor, pid: u32) -> Result<Vec<Selector>, String> {
    let kind = attestor.kind();
    let answer = tokio::time::timeout(TIMEOUT, attestor.attest(pid))
        .await
        .unwrap_or_else(|_| {
            Err(PluginError::Unavailable(format!(
                "no answer within {} s",
                TIMEOUT.as_secs()
            )))
        });
    answer.map_err(|error| {
        tracing::error!(
            subsystem_name = "workload_attestor",
            pid,
            %error,
            "workload attestor {kind:?} failed"
        );
        format!("workload attestor {kind:?} failed: {error}")
    })
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;

    /// Answers with what it was made of; with nothing when that is an error.
    struct Fixed(Result<Vec<&'static str>, &'static str>);

    #[async_trait]
    impl WorkloadAttestor for Fixed {
        fn kind(&self) -> &str {
            "fixed"
        }

        async fn attest(&self, _: u32) -> Result<Vec<Selector>, PluginError> {
            match &self.0 {
                Ok(values) => Ok(values
                    .iter()
                    .map(|v| Selector::new("fixed", v).unwrap())
                    .collect()),
                Err(error) => Err(PluginError::Internal((*error).to_owned())),
            }
        }
    }

    /// Never answers.
    struct Silent;

    #[async_trait]
    impl WorkloadAttestor for Silent {
        fn kind(&self) -> &str {
            "silent"
        }

        async fn attest(&self, _: u32) -> Result<Vec<Selector>, PluginError> {
            std::future::pending().await
        }
    }

    async fn attest(
        attestors: Vec<Arc<dyn WorkloadAttestor>>,
    ) -> Result<Vec<String>, WorkloadError> {
        let me = PeerProcess {
            pid: std::process::id(),
            uid: 0,
            gid: 0,
            pidfd: None,
        };
        let found = Workloads::new(attestors).attest(&me).await?;
        Ok(found
            .iter()
            .map(|selector| selector.value().to_owned())
            .collect())
    }

    fn fixed(answer: Result<Vec<&'static str>, &'static str>) -> Arc<dyn WorkloadAttestor> {
        Arc::new(Fixed(answer))
    }

    #[tokio::test(start_paused = true)]
    async fn answers_are_merged_and_failures_left_out() {
        let found = attest(vec![
            fixed(Ok(vec!["b", "a"])),
            fixed(Err("broken")),
            Arc::new(Silent),
            fixed(Ok(vec!["a", "c"])),
        ]);
        assert_eq!(found.await.unwrap(), ["a", "b", "c"]);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_proven_is_success_and_nothing_answered_is_not() {
        assert!(
            attest(vec![fixed(Ok(vec![])), fixed(Err("x"))])
                .await
                .unwrap()
                .is_empty()
        );
        let error = attest(vec![fixed(Err("x")), Arc::new(Silent)])
            .await
            .unwrap_err();
        assert!(
            matches!(&error, WorkloadError::AllFailed(all) if all.len() == 2),
            "{error}"
        );
    }
}
