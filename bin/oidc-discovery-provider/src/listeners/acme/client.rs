//! HTTPS to the service.

use std::{future::Future, pin::Pin};

use bytes::Bytes;
use http::Request;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use rustls::{ClientConfig, RootCertStore};
use steeple_grpc::provider;

use super::AcmeError;

/// A client that trusts what the machine trusts.
pub(super) struct HttpsClient(Client<HttpsConnector<HttpConnector>, BodyWrapper<Bytes>>);

impl HttpsClient {
    pub(super) fn new() -> Result<Self, AcmeError> {
        let mut roots = RootCertStore::empty();
        let found = rustls_native_certs::load_native_certs();
        let (added, _ignored) = roots.add_parsable_certificates(found.certs);
        if added == 0 {
            return Err(AcmeError::NoRoots);
        }
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(config)
            .https_only()
            .enable_http1()
            .build();
        Ok(Self(Client::builder(TokioExecutor::new()).build(connector)))
    }
}

type Answer = Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>>;

impl HttpClient for HttpsClient {
    fn request(&self, request: Request<BodyWrapper<Bytes>>) -> Answer {
        let answer = self.0.request(request);
        Box::pin(async move {
            match answer.await {
                Ok(answer) => Ok(BytesResponse::from(answer)),
                Err(error) => Err(Error::Other(Box::new(error))),
            }
        })
    }
}
