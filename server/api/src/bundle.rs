//! `bundle.v1.Bundle`: the own bundle, and those of other trust domains.

use std::sync::Arc;

use steeple_proto::{
    server::bundle::{
        AppendBundleRequest, BatchCreateFederatedBundleRequest, BatchCreateFederatedBundleResponse,
        BatchDeleteFederatedBundleRequest, BatchDeleteFederatedBundleResponse,
        BatchSetFederatedBundleRequest, BatchSetFederatedBundleResponse,
        BatchUpdateFederatedBundleRequest, BatchUpdateFederatedBundleResponse, CountBundlesRequest,
        CountBundlesResponse, GetBundleRequest, GetFederatedBundleRequest,
        ListFederatedBundlesRequest, ListFederatedBundlesResponse, PublishJwtAuthorityRequest,
        PublishJwtAuthorityResponse, PublishWitAuthorityRequest, PublishWitAuthorityResponse,
        batch_create_federated_bundle_response,
        batch_delete_federated_bundle_request::Mode,
        batch_delete_federated_bundle_response, batch_set_federated_bundle_response,
        bundle_server::{Bundle, BundleServer},
    },
    types,
};
use steeple_registry::Page;
use steeple_spiffe::TrustDomain;
use steeple_store::DeleteMode;
use tonic::{Code, Request, Response, Status};

use crate::{
    ApiConfig,
    convert::bundle as convert,
    fail::{Failure, not_yet, ok, refuse},
};

/// The service.
pub(crate) fn service(config: &Arc<ApiConfig>) -> BundleServer<BundleService> {
    BundleServer::new(BundleService(Arc::clone(config)))
}

pub(crate) struct BundleService(Arc<ApiConfig>);

#[tonic::async_trait]
impl Bundle for BundleService {
    async fn count_bundles(
        &self,
        _: Request<CountBundlesRequest>,
    ) -> Result<Response<CountBundlesResponse>, Status> {
        let count = i32::try_from(self.0.registry.bundles().count()).unwrap_or(i32::MAX);
        Ok(Response::new(CountBundlesResponse { count }))
    }

    async fn get_bundle(
        &self,
        request: Request<GetBundleRequest>,
    ) -> Result<Response<types::Bundle>, Status> {
        let bundle = self.0.registry.bundles().own().ok_or_else(not_found)?;
        let mask = request.into_inner().output_mask;
        Ok(Response::new(convert::to_wire(&bundle, mask.as_ref())))
    }

    async fn append_bundle(
        &self,
        request: Request<AppendBundleRequest>,
    ) -> Result<Response<types::Bundle>, Status> {
        let request = request.into_inner();
        if request.jwt_authorities.is_empty() && request.x509_authorities.is_empty() {
            return Err(Failure::invalid("no authorities to append").into());
        }
        let invalid = |what| move |why| Failure::because(Code::InvalidArgument, what, why);
        let own = self.0.registry.trust_domain().clone();
        let mut addition = steeple_spiffe::Bundle::empty(own);
        addition.jwt_authorities = convert::jwt_from_wire(request.jwt_authorities)
            .map_err(invalid("failed to convert JWT authority"))?;
        addition.x509_authorities = convert::x509_from_wire(request.x509_authorities)
            .map_err(invalid("failed to convert X.509 authority"))?;
        let bundle = self
            .0
            .registry
            .bundles()
            .append(addition)
            .await
            .map_err(refuse)?;
        Ok(Response::new(convert::to_wire(
            &bundle,
            request.output_mask.as_ref(),
        )))
    }

    async fn publish_jwt_authority(
        &self,
        _: Request<PublishJwtAuthorityRequest>,
    ) -> Result<Response<PublishJwtAuthorityResponse>, Status> {
        not_yet()
    }

    async fn publish_wit_authority(
        &self,
        _: Request<PublishWitAuthorityRequest>,
    ) -> Result<Response<PublishWitAuthorityResponse>, Status> {
        not_yet()
    }

    async fn list_federated_bundles(
        &self,
        request: Request<ListFederatedBundlesRequest>,
    ) -> Result<Response<ListFederatedBundlesResponse>, Status> {
        let request = request.into_inner();
        let page = Page {
            size: request.page_size,
            token: request.page_token,
        };
        let found = self
            .0
            .registry
            .bundles()
            .list_federated(&page)
            .map_err(refuse)?;
        let mask = request.output_mask.as_ref();
        let bundles = found
            .items
            .iter()
            .map(|bundle| convert::to_wire(bundle, mask))
            .collect();
        let next_page_token = found.next_token;
        Ok(Response::new(ListFederatedBundlesResponse {
            bundles,
            next_page_token,
        }))
    }

    async fn get_federated_bundle(
        &self,
        request: Request<GetFederatedBundleRequest>,
    ) -> Result<Response<types::Bundle>, Status> {
        let request = request.into_inner();
        let own = "getting a federated bundle for the server's own trust domain is not allowed";
        let domain = self.foreign(&request.trust_domain, own)?;
        let bundle = self
            .0
            .registry
            .bundles()
            .get(&domain)
            .ok_or_else(not_found)?;
        Ok(Response::new(convert::to_wire(
            &bundle,
            request.output_mask.as_ref(),
        )))
    }

    async fn batch_create_federated_bundle(
        &self,
        request: Request<BatchCreateFederatedBundleRequest>,
    ) -> Result<Response<BatchCreateFederatedBundleResponse>, Status> {
        let request = request.into_inner();
        let mask = request.output_mask.as_ref();
        let mut results = Vec::with_capacity(request.bundle.len());
        for bundle in request.bundle {
            let (status, bundle) = outcome(self.create(bundle).await, mask);
            results.push(batch_create_federated_bundle_response::Result { status, bundle });
        }
        Ok(Response::new(BatchCreateFederatedBundleResponse {
            results,
        }))
    }

    async fn batch_update_federated_bundle(
        &self,
        _: Request<BatchUpdateFederatedBundleRequest>,
    ) -> Result<Response<BatchUpdateFederatedBundleResponse>, Status> {
        not_yet()
    }

    async fn batch_set_federated_bundle(
        &self,
        request: Request<BatchSetFederatedBundleRequest>,
    ) -> Result<Response<BatchSetFederatedBundleResponse>, Status> {
        let request = request.into_inner();
        let mask = request.output_mask.as_ref();
        let mut results = Vec::with_capacity(request.bundle.len());
        for bundle in request.bundle {
            let (status, bundle) = outcome(self.set(bundle).await, mask);
            results.push(batch_set_federated_bundle_response::Result { status, bundle });
        }
        Ok(Response::new(BatchSetFederatedBundleResponse { results }))
    }

    async fn batch_delete_federated_bundle(
        &self,
        request: Request<BatchDeleteFederatedBundleRequest>,
    ) -> Result<Response<BatchDeleteFederatedBundleResponse>, Status> {
        let request = request.into_inner();
        let mode = delete_mode(request.mode)?;
        let mut results = Vec::with_capacity(request.trust_domains.len());
        for trust_domain in request.trust_domains {
            let deleted = self.delete(&trust_domain, mode).await;
            let status = Some(deleted.map_or_else(Failure::into_item, |()| ok()));
            results.push(batch_delete_federated_bundle_response::Result {
                status,
                trust_domain,
            });
        }
        Ok(Response::new(BatchDeleteFederatedBundleResponse {
            results,
        }))
    }
}

type Stored = Result<Arc<steeple_spiffe::Bundle>, Failure>;

impl BundleService {
    /// A trust domain that is not the own one; `refusal` is said of the own one.
    fn foreign(&self, name: &str, refusal: &str) -> Result<TrustDomain, Failure> {
        let domain = TrustDomain::parse(name).map_err(|why| {
            let what = "trust domain argument is not valid";
            Failure::because(Code::InvalidArgument, what, why)
        })?;
        if domain == *self.0.registry.trust_domain() {
            return Err(Failure::invalid(refusal));
        }
        Ok(domain)
    }

    fn read(&self, wire: types::Bundle, refusal: &str) -> Result<steeple_spiffe::Bundle, Failure> {
        let domain = self.foreign(&wire.trust_domain, refusal)?;
        convert::from_wire(domain, wire)
            .map_err(|why| Failure::because(Code::InvalidArgument, "failed to convert bundle", why))
    }

    async fn create(&self, wire: types::Bundle) -> Stored {
        let own = "creating a federated bundle for the server's own trust domain is not allowed";
        let bundle = self.read(wire, own)?;
        Ok(self.0.registry.bundles().create(bundle).await?)
    }

    async fn set(&self, wire: types::Bundle) -> Stored {
        let own = "setting a federated bundle for the server's own trust domain is not allowed";
        let bundle = self.read(wire, own)?;
        let stored = self.0.registry.bundles().set(bundle).await?;
        tracing::info!(trust_domain_id = %stored.trust_domain, "Bundle set successfully");
        Ok(stored)
    }

    async fn delete(&self, name: &str, mode: DeleteMode) -> Result<(), Failure> {
        let own = "removing the bundle for the server trust domain is not allowed";
        let domain = self.foreign(name, own)?;
        Ok(self.0.registry.bundles().delete(&domain, mode).await?)
    }
}

fn outcome(
    stored: Stored,
    mask: Option<&types::BundleMask>,
) -> (Option<types::Status>, Option<types::Bundle>) {
    match stored {
        Ok(bundle) => (Some(ok()), Some(convert::to_wire(&bundle, mask))),
        Err(failure) => (Some(failure.into_item()), None),
    }
}

fn delete_mode(number: i32) -> Result<DeleteMode, Failure> {
    match Mode::try_from(number) {
        Ok(Mode::Restrict) => Ok(DeleteMode::Restrict),
        Ok(Mode::Delete) => Ok(DeleteMode::Delete),
        Ok(Mode::Dissociate) => Ok(DeleteMode::Dissociate),
        Err(_) => {
            let why = format!("unhandled delete mode \"{number}\"");
            let what = "failed to parse deletion mode";
            Err(Failure::because(Code::InvalidArgument, what, why))
        }
    }
}

fn not_found() -> Status {
    Failure::new(Code::NotFound, "bundle not found").into()
}
