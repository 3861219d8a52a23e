//! What a handler knows of the call it serves.

use std::sync::Arc;

use steeple_grpc::Caller;
use steeple_spiffe::SpiffeId;
use tokio::time::Instant;
use tonic::{Code, Request, Status};

use crate::{fail::Failure, limit::Limits, methods::Method};

/// A call that has passed the gate. The gate puts it into the request's extensions.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) caller: Caller,
    pub(crate) method: &'static Method,
    pub(crate) limits: Arc<Limits>,
    pub(crate) deadline: Option<Instant>,
}

impl Call {
    /// The call behind a request.
    pub(crate) fn of<T>(request: &Request<T>) -> Result<Self, Status> {
        let call = request.extensions().get::<Self>().cloned();
        call.ok_or_else(|| Status::internal("call did not pass the gate"))
    }

    /// The caller's ID, for methods that only callers with one may use.
    pub(crate) fn id(&self) -> Result<&SpiffeId, Status> {
        let missing = || Failure::new(Code::Internal, "caller ID missing from request context");
        self.caller.id().ok_or_else(|| missing().into())
    }

    /// Waits until the caller may do `count` more. `what` begins the refusal.
    pub(crate) async fn limit(&self, count: usize, what: &str) -> Result<(), Status> {
        let (Some(bucket), Some(addr)) = (self.method.bucket, self.caller.addr()) else {
            return Ok(());
        };
        let taken = self
            .limits
            .take(bucket, addr.ip(), count, self.deadline)
            .await;
        taken.map_err(|status| Failure::because(status.code(), what, status.message()).into())
    }
}
