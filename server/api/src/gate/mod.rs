//! The gate that every call passes: which method it is, whether this caller may call it, and what
//! the log says of the call.

pub(crate) mod authorize;
mod deadline;

use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
};

use futures::future::BoxFuture;
use http::{Request, Response};
use steeple_grpc::{Caller, DenialReason, denied};
use tokio::time::Instant;
use tonic::{Status, body::Body, service::Routes};
use tower::Service;
use tracing::{Instrument, Span, field};

use crate::{
    ApiConfig,
    call::Call,
    limit::Limits,
    methods::{self, METHODS, Method},
};
use authorize::{Authorizer, Denial, Grant};

/// All services of the server, each call authorized before a handler sees it.
#[derive(Clone)]
pub struct Gate {
    keeper: Arc<Keeper>,
    routes: Routes,
}

struct Keeper {
    authorizer: Authorizer,
    limits: Arc<Limits>,
}

impl Gate {
    pub(crate) fn new(config: &Arc<ApiConfig>, routes: Routes) -> Self {
        let keeper = Keeper {
            authorizer: Authorizer::new(config),
            limits: Arc::new(Limits::new(config.limits)),
        };
        Self {
            keeper: Arc::new(keeper),
            routes: routes.prepare(),
        }
    }
}

impl Service<Request<Body>> for Gate {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // The routes are always ready; each call works on a clone of them.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let keeper = Arc::clone(&self.keeper);
        let mut routes = self.routes.clone();
        Box::pin(async move {
            let Some(caller) = request.extensions().get::<Caller>().cloned() else {
                return Ok(Status::internal("no peer information available").into_http());
            };
            let method = match known(request.uri().path(), &caller) {
                Ok(method) => method,
                Err(status) => return Ok(status.into_http()),
            };
            let span = span(method, &caller);
            let deadline = deadline::of(request.headers());
            async {
                match keeper.admit(method, caller, deadline).await {
                    Ok(call) => {
                        request.extensions_mut().insert(call);
                        routes.call(request).await
                    }
                    Err(status) => Ok(status.into_http()),
                }
            }
            .instrument(span)
            .await
        })
    }
}

impl Keeper {
    async fn admit(
        &self,
        method: &'static Method,
        caller: Caller,
        deadline: Option<Instant>,
    ) -> Result<Call, Status> {
        match self.authorizer.authorize(method, &caller).await {
            Ok(grant) => record(grant),
            Err(Denial::Refused(reason)) => return Err(refuse(method, reason)),
            Err(Denial::Failed(status)) => {
                let error = status.message();
                tracing::error!(error, "Authorization failure from OPA auth");
                return Err(status);
            }
        }
        if !method.built {
            let (service, name) = (method.full_service(), method.name());
            tracing::error!("{name} of {service} is not supported yet");
            let text = format!("{name} of {service} is not supported yet by this server");
            return Err(Status::unimplemented(text));
        }
        Ok(Call {
            caller,
            method,
            limits: Arc::clone(&self.limits),
            deadline,
        })
    }
}

fn record(grant: Grant) {
    Span::current()
        .record("authorized_as", grant.role)
        .record("authorized_via", grant.via);
}

fn refuse(method: &Method, reason: Option<DenialReason>) -> Status {
    let text = format!("authorization denied for method {}", method.path);
    let error = format!("rpc error: code = PermissionDenied desc = {text}");
    tracing::error!(error, "Failed to authenticate caller");
    match reason {
        Some(reason) => denied(text, reason),
        None => Status::permission_denied(text),
    }
}

/// The row of a method that exists on the caller's endpoint. The texts for others are those of
/// Go's gRPC library.
fn known(path: &str, caller: &Caller) -> Result<&'static Method, Status> {
    let here = |method: &Method| !method.local_only || matches!(caller, Caller::Local(_));
    if let Some(method) = methods::find(path).filter(|method| here(method)) {
        return Ok(method);
    }
    let (service, name) = path
        .trim_start_matches('/')
        .rsplit_once('/')
        .unwrap_or((path, ""));
    let text = if METHODS
        .iter()
        .any(|row| row.full_service() == service && here(row))
    {
        format!("unknown method {name} for service {service}")
    } else {
        format!("unknown service {service}")
    };
    Err(Status::unimplemented(text))
}

/// Every line that is logged about the call has these fields.
fn span(method: &Method, caller: &Caller) -> Span {
    tracing::error_span!(
        "call",
        subsystem_name = "api",
        service = method.service(),
        method = method.name(),
        caller_addr = caller.addr().map(field::display),
        caller_id = caller.id().map(field::display),
        request_id = %uuid::Uuid::new_v4(),
        authorized_as = field::Empty,
        authorized_via = field::Empty,
    )
}
