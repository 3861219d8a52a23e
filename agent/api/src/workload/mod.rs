//! The SPIFFE Workload API.

mod call;
mod header;
mod jwt;
mod stream;
mod validate;
mod x509;

use std::{pin::Pin, sync::Arc};

use futures::Stream;
use steeple_proto::workload::{
    JwtBundlesRequest, JwtBundlesResponse, JwtsvidRequest, JwtsvidResponse, ValidateJwtsvidRequest,
    ValidateJwtsvidResponse, WitBundlesRequest, WitBundlesResponse, WitsvidRequest,
    WitsvidResponse, X509BundlesRequest, X509BundlesResponse, X509svidRequest, X509svidResponse,
    spiffe_workload_api_server::{SpiffeWorkloadApi, SpiffeWorkloadApiServer},
};
use tonic::{
    Request, Response, Status,
    service::{Interceptor, interceptor::InterceptedService},
};

use crate::ApiConfig;

/// What every stream of this service is.
type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send + 'static>>;

/// The service: each method is one function of the modules beside.
pub(crate) struct Workload(Arc<ApiConfig>);

/// The service behind the check of its header.
pub(crate) fn service(
    config: &Arc<ApiConfig>,
) -> InterceptedService<SpiffeWorkloadApiServer<Workload>, impl Interceptor + Clone + use<>> {
    SpiffeWorkloadApiServer::with_interceptor(Workload::new(config), header::check)
}

impl Workload {
    pub(crate) fn new(config: &Arc<ApiConfig>) -> Self {
        Self(Arc::clone(config))
    }
}

#[tonic::async_trait]
impl SpiffeWorkloadApi for Workload {
    type FetchX509SVIDStream = Answers<X509svidResponse>;
    type FetchX509BundlesStream = Answers<X509BundlesResponse>;
    type FetchJWTBundlesStream = Answers<JwtBundlesResponse>;
    type FetchWITSVIDStream = Answers<WitsvidResponse>;
    type FetchWITBundlesStream = Answers<WitBundlesResponse>;

    async fn fetch_x509svid(
        &self,
        request: Request<X509svidRequest>,
    ) -> Result<Response<Self::FetchX509SVIDStream>, Status> {
        let caller = call::attest(&self.0, &request, "FetchX509SVID").await?;
        Ok(Response::new(x509::svids(&self.0, caller)))
    }

    async fn fetch_x509_bundles(
        &self,
        request: Request<X509BundlesRequest>,
    ) -> Result<Response<Self::FetchX509BundlesStream>, Status> {
        let caller = call::attest(&self.0, &request, "FetchX509Bundles").await?;
        Ok(Response::new(x509::bundles(&self.0, caller)))
    }

    async fn fetch_jwtsvid(
        &self,
        request: Request<JwtsvidRequest>,
    ) -> Result<Response<JwtsvidResponse>, Status> {
        let wanted = jwt::Wanted::read(request.get_ref())?;
        let caller = call::attest(&self.0, &request, "FetchJWTSVID").await?;
        jwt::svids(&self.0, &caller, &wanted)
            .await
            .map(Response::new)
    }

    async fn fetch_jwt_bundles(
        &self,
        request: Request<JwtBundlesRequest>,
    ) -> Result<Response<Self::FetchJWTBundlesStream>, Status> {
        let caller = call::attest(&self.0, &request, "FetchJWTBundles").await?;
        Ok(Response::new(jwt::bundles(&self.0, caller)))
    }

    async fn validate_jwtsvid(
        &self,
        request: Request<ValidateJwtsvidRequest>,
    ) -> Result<Response<ValidateJwtsvidResponse>, Status> {
        let token = validate::Token::read(request.get_ref())?;
        let caller = call::attest(&self.0, &request, "ValidateJWTSVID").await?;
        validate::validate(&self.0, &caller, &token).map(Response::new)
    }

    async fn fetch_witsvid(
        &self,
        _request: Request<WitsvidRequest>,
    ) -> Result<Response<Self::FetchWITSVIDStream>, Status> {
        Err(not_yet("FetchWITSVID"))
    }

    async fn fetch_wit_bundles(
        &self,
        _request: Request<WitBundlesRequest>,
    ) -> Result<Response<Self::FetchWITBundlesStream>, Status> {
        Err(not_yet("FetchWITBundles"))
    }
}

fn not_yet(method: &str) -> Status {
    Status::unimplemented(format!(
        "{method} is not supported yet: this agent issues no WIT-SVIDs"
    ))
}
