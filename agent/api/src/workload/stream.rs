//! Streams that follow what a caller is entitled to.

use std::sync::Arc;

use futures::{StreamExt, stream};
use steeple_cache::{Subscription, WorkloadUpdate};
use steeple_spiffe::Selector;
use tonic::Status;

use super::Answers;
use crate::ApiConfig;

/// Makes an answer of each update; the first refusal ends the stream. `None` is not sent.
pub(crate) fn follow<T: Send + 'static>(
    config: &Arc<ApiConfig>,
    selectors: Vec<Selector>,
    answer: impl FnMut(WorkloadUpdate) -> Result<Option<T>, Status> + Send + 'static,
) -> Answers<T> {
    let following = Following {
        subscription: config.cache.subscribe(selectors),
        answer,
    };
    let answers = stream::try_unfold(following, |mut following| async move {
        let next = following.next().await?;
        Ok(Some((next, following)))
    });
    let stopping = config.stopping.clone().cancelled_owned();
    let stopped = stream::once(async { Err(Status::unavailable("the agent is stopping")) });
    Box::pin(answers.take_until(stopping).chain(stopped))
}

struct Following<F> {
    subscription: Subscription,
    answer: F,
}

impl<F> Following<F> {
    async fn next<T>(&mut self) -> Result<T, Status>
    where
        F: FnMut(WorkloadUpdate) -> Result<Option<T>, Status>,
    {
        loop {
            let update = self.subscription.next().await;
            if let Some(answer) = (self.answer)(update)? {
                return Ok(answer);
            }
        }
    }
}

/// Lets an answer through unless it equals the one before.
pub(crate) fn changes<T: Clone + PartialEq>() -> impl FnMut(T) -> Option<T> {
    let mut last: Option<T> = None;
    move |answer| {
        if last.as_ref() == Some(&answer) {
            return None;
        }
        last = Some(answer.clone());
        Some(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changes_pass() {
        let mut changes = changes();
        let passed: Vec<_> = [1, 1, 2, 2, 1].into_iter().map(&mut changes).collect();
        assert_eq!(passed, [Some(1), None, Some(2), None, Some(1)]);
    }
}
