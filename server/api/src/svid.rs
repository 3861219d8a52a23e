//! `svid.v1.SVID`: agents get SVIDs for their workloads, operators mint them.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use steeple_authority::{IssuedX509, WorkloadJwt, WorkloadX509};
use steeple_proto::{
    server::svid::{
        BatchNewWitsvidRequest, BatchNewWitsvidResponse, BatchNewX509svidRequest,
        BatchNewX509svidResponse, MintJwtsvidRequest, MintJwtsvidResponse, MintWitsvidRequest,
        MintWitsvidResponse, MintX509svidRequest, MintX509svidResponse, NewDownstreamX509caRequest,
        NewDownstreamX509caResponse, NewJwtsvidRequest, NewJwtsvidResponse, NewX509svidParams,
        batch_new_x509svid_response,
        svid_server::{Svid, SvidServer},
    },
    types,
};
use steeple_registry::{
    entries::dns,
    ids::{self, IdInput},
};
use steeple_spiffe::{
    SpiffeId,
    csr::{CsrError, VerifiedCsr},
    x509::NameBuilder,
};
use steeple_store::Entry;
use tonic::{Code, Request, Response, Status};

use crate::{
    ApiConfig,
    agent::svid,
    call::Call,
    convert::id,
    fail::{Failure, not_yet, ok},
};

/// The service.
pub(crate) fn service(config: &Arc<ApiConfig>) -> SvidServer<SvidService> {
    SvidServer::new(SvidService(Arc::clone(config)))
}

pub(crate) struct SvidService(Arc<ApiConfig>);

#[tonic::async_trait]
impl Svid for SvidService {
    async fn mint_x509svid(
        &self,
        request: Request<MintX509svidRequest>,
    ) -> Result<Response<MintX509svidResponse>, Status> {
        let request = request.into_inner();
        let wanted = self.wanted(&request)?;
        let (spiffe_id, dns_name) = (wanted.spiffe_id.clone(), wanted.dns_names.join(","));
        let issued = self.sign(wanted).await?;
        log_signed(&issued, |expiration, serial_num| {
            tracing::debug!(%spiffe_id, dns_name, expiration, serial_num, "Signed X509 SVID");
        });
        Ok(Response::new(MintX509svidResponse {
            svid: Some(svid(issued)),
        }))
    }

    async fn mint_jwtsvid(
        &self,
        request: Request<MintJwtsvidRequest>,
    ) -> Result<Response<MintJwtsvidResponse>, Status> {
        self.check_jwt()?;
        let request = request.into_inner();
        let wanted = id::from_wire(request.id);
        let spiffe_id = ids::workload(self.0.registry.trust_domain(), wanted.as_ref())
            .map_err(|why| Failure::because(Code::InvalidArgument, "invalid SPIFFE ID", why))?;
        let svid = self
            .sign_jwt(spiffe_id, request.audience, request.ttl, false)
            .await?;
        Ok(Response::new(MintJwtsvidResponse { svid: Some(svid) }))
    }

    async fn mint_witsvid(
        &self,
        _: Request<MintWitsvidRequest>,
    ) -> Result<Response<MintWitsvidResponse>, Status> {
        not_yet()
    }

    async fn batch_new_x509svid(
        &self,
        request: Request<BatchNewX509svidRequest>,
    ) -> Result<Response<BatchNewX509svidResponse>, Status> {
        let call = Call::of(&request)?;
        let params = request.into_inner().params;
        if params.is_empty() {
            return Err(Failure::invalid("missing parameters").into());
        }
        let what = "rejecting request due to certificate signing rate limiting";
        call.limit(params.len(), what).await?;
        let wanted: Vec<&str> = params.iter().map(|param| param.entry_id.as_str()).collect();
        let entries = self.0.registry.lookup_authorized(call.id()?, &wanted);
        let mut results = Vec::with_capacity(params.len());
        for (param, entry) in params.iter().zip(entries) {
            results.push(match self.new_x509(param, entry.as_deref()).await {
                Ok(issued) => batch_new_x509svid_response::Result {
                    status: Some(ok()),
                    svid: Some(svid(issued)),
                },
                Err(failure) => batch_new_x509svid_response::Result {
                    status: Some(failure.into_item()),
                    svid: None,
                },
            });
        }
        Ok(Response::new(BatchNewX509svidResponse { results }))
    }

    async fn new_jwtsvid(
        &self,
        request: Request<NewJwtsvidRequest>,
    ) -> Result<Response<NewJwtsvidResponse>, Status> {
        let call = Call::of(&request)?;
        call.limit(
            1,
            "rejecting request due to JWT signing request rate limiting",
        )
        .await?;
        self.check_jwt()?;
        let request = request.into_inner();
        let found = self
            .0
            .registry
            .lookup_authorized(call.id()?, &[&request.entry_id]);
        let entry = found
            .into_iter()
            .next()
            .flatten()
            .ok_or_else(not_authorized)?;
        let include_jti = entry.attributes.jwt_svid_include_jti;
        let spiffe_id = entry.spiffe_id.clone();
        let svid = self
            .sign_jwt(spiffe_id, request.audience, entry.jwt_svid_ttl, include_jti)
            .await?;
        Ok(Response::new(NewJwtsvidResponse { svid: Some(svid) }))
    }

    async fn batch_new_witsvid(
        &self,
        _: Request<BatchNewWitsvidRequest>,
    ) -> Result<Response<BatchNewWitsvidResponse>, Status> {
        not_yet()
    }

    async fn new_downstream_x509ca(
        &self,
        _: Request<NewDownstreamX509caRequest>,
    ) -> Result<Response<NewDownstreamX509caResponse>, Status> {
        not_yet()
    }
}

impl SvidService {
    /// What an operator's CSR asks for, every rule checked.
    fn wanted(&self, request: &MintX509svidRequest) -> Result<WorkloadX509, Failure> {
        let csr = parse(&request.csr, "failed to verify CSR signature")?;
        let uri = match csr.uris() {
            [] => return Err(Failure::invalid("CSR URI SAN is required")),
            [uri] => uri,
            _ => return Err(Failure::invalid("only one URI SAN is expected")),
        };
        let bad_uri =
            |why: String| Failure::because(Code::InvalidArgument, "CSR URI SAN is invalid", why);
        let id = SpiffeId::parse(uri).map_err(|why| bad_uri(why.to_string()))?;
        let input = IdInput {
            trust_domain: id.trust_domain_str().to_owned(),
            path: id.path().to_owned(),
        };
        let spiffe_id = ids::workload(self.0.registry.trust_domain(), Some(&input))
            .map_err(|why| bad_uri(why.to_string()))?;
        check_dns(csr.dns_names())?;
        let subject = NameBuilder::from_der(csr.subject())
            .map_err(|why| Failure::because(Code::InvalidArgument, "malformed CSR", why))?;
        Ok(WorkloadX509 {
            public_key: csr.public_key().to_vec(),
            spiffe_id,
            dns_names: csr.dns_names().to_vec(),
            ttl: seconds(request.ttl),
            subject: Some(subject),
        })
    }

    /// An SVID for a workload of an agent: of the CSR only the key counts.
    async fn new_x509(
        &self,
        param: &NewX509svidParams,
        entry: Option<&Entry>,
    ) -> Result<IssuedX509, Failure> {
        if param.entry_id.is_empty() {
            return Err(Failure::invalid("missing entry ID"));
        }
        if param.csr.is_empty() {
            return Err(Failure::invalid("missing CSR"));
        }
        let entry = entry.ok_or_else(not_authorized)?;
        let csr = parse(&param.csr, "invalid CSR signature")?;
        let issued = self
            .sign(WorkloadX509 {
                public_key: csr.public_key().to_vec(),
                spiffe_id: entry.spiffe_id.clone(),
                dns_names: entry.dns_names.iter().map(ToString::to_string).collect(),
                ttl: seconds(entry.x509_svid_ttl),
                subject: None,
            })
            .await?;
        log_signed(&issued, |expiration, serial_num| {
            tracing::debug!(
                spiffe_id = %entry.spiffe_id,
                entry_id = %entry.id,
                revision_number = entry.revision,
                expiration,
                serial_num,
                "Signed X509 SVID"
            );
        });
        Ok(issued)
    }

    async fn sign(&self, wanted: WorkloadX509) -> Result<IssuedX509, Failure> {
        let signed = self.0.authority.sign_workload_x509(wanted).await;
        signed.map_err(|why| Failure::internal("failed to sign X509-SVID", why))
    }

    fn check_jwt(&self) -> Result<(), Failure> {
        if self.0.jwt_disabled {
            return Err(Failure::new(
                Code::Unimplemented,
                "JWT functionality is disabled",
            ));
        }
        Ok(())
    }

    async fn sign_jwt(
        &self,
        spiffe_id: SpiffeId,
        audience: Vec<String>,
        ttl: i32,
        include_jti: bool,
    ) -> Result<types::Jwtsvid, Failure> {
        if audience.is_empty() {
            return Err(Failure::invalid("at least one audience is required"));
        }
        if audience.iter().all(String::is_empty) {
            let what = "failed to sign JWT-SVID";
            let why = "invalid JWT-SVID audience: cannot be empty";
            return Err(Failure::because(Code::InvalidArgument, what, why));
        }
        let audiences = format!("[{}]", audience.join(" "));
        let ttl = seconds(ttl);
        let wanted = WorkloadJwt {
            spiffe_id,
            audience,
            ttl,
            include_jti,
        };
        let issued = self.0.authority.sign_workload_jwt(wanted).await;
        let issued = issued.map_err(|why| Failure::internal("failed to sign JWT-SVID", why))?;
        tracing::debug!(
            spiffe_id = %issued.spiffe_id,
            audience = audiences,
            expiration = %seconds_of(issued.expires_at),
            "Server CA successfully signed JWT SVID"
        );
        Ok(types::Jwtsvid {
            id: Some(id::to_wire(&issued.spiffe_id)),
            token: issued.token,
            expires_at: issued.expires_at.as_second(),
            issued_at: issued.issued_at.as_second(),
            hint: String::new(),
        })
    }
}

fn parse(csr: &[u8], bad_signature: &str) -> Result<VerifiedCsr, Failure> {
    if csr.is_empty() {
        return Err(Failure::invalid("missing CSR"));
    }
    VerifiedCsr::parse(csr).map_err(|error| {
        let what = match error {
            CsrError::BadSignature => bad_signature,
            _ => "malformed CSR",
        };
        Failure::because(Code::InvalidArgument, what, error)
    })
}

fn check_dns(names: &[String]) -> Result<(), Failure> {
    for name in names {
        dns::check(name).map_err(|why| {
            Failure::because(Code::InvalidArgument, "CSR DNS name is invalid", why)
        })?;
    }
    let covered = |name: &&String| {
        let (first, rest) = name
            .split_once('.')
            .map_or((name.as_str(), ""), |parts| parts);
        let wildcard = if rest.is_empty() {
            "*".to_owned()
        } else {
            format!("*.{rest}")
        };
        !first.starts_with('*') && names.contains(&wildcard)
    };
    if let Some(name) = names.iter().find(covered) {
        let what = "CSR DNS name contains a wildcard that covers another non-wildcard name";
        let why = format!(
            "name {name:?} overlaps with an existing wildcard name in the list: wildcard overlap"
        );
        return Err(Failure::because(Code::InvalidArgument, what, why));
    }
    Ok(())
}

/// A TTL on the wire; 0 leaves it to the server.
fn seconds(ttl: i32) -> Option<Duration> {
    u64::try_from(ttl)
        .ok()
        .filter(|ttl| *ttl > 0)
        .map(Duration::from_secs)
}

fn not_authorized() -> Failure {
    Failure::new(Code::NotFound, "entry not found or not authorized")
}

/// Calls `log` with the certificate's expiration and serial number, if anybody listens.
fn log_signed(issued: &IssuedX509, log: impl FnOnce(String, &str)) {
    if tracing::enabled!(tracing::Level::DEBUG) {
        log(
            seconds_of(issued.expires_at).to_string(),
            &issued.serial_decimal,
        );
    }
}

/// A time as logs show expirations: without a fraction.
fn seconds_of(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}
