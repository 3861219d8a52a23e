//! The place of Envoy's secret discovery: not there yet, and it says so.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    task::{Context, Poll},
};

use http::{Request, Response};
use tonic::{Status, body::Body, server::NamedService};
use tower::Service;

/// Answers every secret discovery call with a refusal that names it.
#[derive(Clone, Copy)]
pub(crate) struct NotYet;

impl NamedService for NotYet {
    const NAME: &'static str = "envoy.service.secret.v3.SecretDiscoveryService";
}

impl Service<Request<Body>> for NotYet {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let method = request.uri().path();
        let status = Status::unimplemented(format!(
            "{method} is not supported yet: this agent does not serve Envoy SDS"
        ));
        ready(Ok(status.into_http()))
    }
}
