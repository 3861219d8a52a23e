//! X.509-SVIDs and X.509 bundles.

use std::{collections::BTreeMap, sync::Arc};

use steeple_proto::workload::{self, X509svidRequest, X509svidResponse};
use steeple_spiffe::{
    Bundle, SpiffeId, TrustDomain, X509Authority, key::PrivateKey, x509::split_certificates,
};
use tokio_util::sync::CancellationToken;

use crate::{
    Client, WorkloadError,
    client::{TIMEOUT, Updates, request},
};

/// One X.509-SVID.
#[derive(Clone, Debug)]
pub struct X509Svid {
    /// Whose it is.
    pub id: SpiffeId,
    /// The certificates, DER, leaf first; never empty.
    pub chain: Vec<Vec<u8>>,
    /// The leaf's private key.
    pub key: Arc<PrivateKey>,
    /// Tells several SVIDs of one workload apart; may be empty.
    pub hint: String,
}

/// Everything X.509 that a workload is entitled to, at one moment.
#[derive(Clone, Debug)]
pub struct X509Context {
    /// The SVIDs; the first is the default. Never empty.
    pub svids: Vec<X509Svid>,
    /// The roots, of the own trust domain and of those federated with.
    pub bundles: BTreeMap<TrustDomain, Bundle>,
}

impl X509Context {
    /// The SVID with this hint, or the default one when the hint is empty.
    pub fn svid(&self, hint: &str) -> Option<&X509Svid> {
        if hint.is_empty() {
            return self.svids.first();
        }
        self.svids.iter().find(|svid| svid.hint == hint)
    }

    fn read(response: X509svidResponse) -> Result<Self, WorkloadError> {
        let mut bundles = BTreeMap::new();
        for (id, roots) in &response.federated_bundles {
            let domain = trust_domain(id)?;
            bundles.insert(domain.clone(), bundle(domain, roots)?);
        }
        let mut svids = Vec::new();
        for svid in response.svids {
            let roots = svid.bundle.clone();
            let svid = read_svid(svid)?;
            let domain = svid.id.trust_domain();
            bundles.insert(domain.clone(), bundle(domain, &roots)?);
            svids.push(svid);
        }
        if svids.is_empty() {
            return Err(WorkloadError::NoSvid);
        }
        Ok(Self { svids, bundles })
    }
}

fn read_svid(svid: workload::X509svid) -> Result<X509Svid, WorkloadError> {
    let id = SpiffeId::parse(&svid.spiffe_id).map_err(|source| WorkloadError::Id {
        text: svid.spiffe_id.clone(),
        source,
    })?;
    let chain = split_certificates(&svid.x509_svid)?;
    if chain.is_empty() {
        return Err(WorkloadError::NoSvid);
    }
    let key = Arc::new(PrivateKey::from_der(&svid.x509_svid_key)?);
    Ok(X509Svid {
        id,
        chain,
        key,
        hint: svid.hint,
    })
}

fn bundle(trust_domain: TrustDomain, roots: &[u8]) -> Result<Bundle, WorkloadError> {
    let roots = split_certificates(roots)?;
    Ok(Bundle {
        x509_authorities: roots
            .into_iter()
            .map(|der| X509Authority {
                der,
                tainted: false,
            })
            .collect(),
        ..Bundle::empty(trust_domain)
    })
}

pub(crate) fn trust_domain(id: &str) -> Result<TrustDomain, WorkloadError> {
    TrustDomain::parse(id).map_err(|source| WorkloadError::Id {
        text: id.to_owned(),
        source,
    })
}

impl Client {
    /// Follows the caller's X.509-SVIDs and bundles until `stopping`.
    pub fn x509_contexts(&self, stopping: CancellationToken) -> Updates<X509Context> {
        self.follow(
            "fetching X.509 context",
            stopping,
            |client| async move {
                let answer = client
                    .api()
                    .fetch_x509svid(request(X509svidRequest {}))
                    .await?;
                Ok(answer.into_inner())
            },
            X509Context::read,
        )
    }

    /// What the caller is entitled to now; one try.
    ///
    /// # Errors
    /// When the agent does not answer within 30 s, refuses, or answers what cannot be read.
    pub async fn fetch_x509_context(&self) -> Result<X509Context, WorkloadError> {
        const OPERATION: &str = "fetching X.509 context";
        let fetched = tokio::time::timeout(TIMEOUT, async {
            let answer = self
                .api()
                .fetch_x509svid(request(X509svidRequest {}))
                .await?;
            answer.into_inner().message().await
        });
        let timed_out = |_| {
            Err(tonic::Status::deadline_exceeded(
                "the agent did not answer within 30 s",
            ))
        };
        let message = fetched.await.unwrap_or_else(timed_out);
        let message = message.map_err(WorkloadError::call(OPERATION))?;
        X509Context::read(message.ok_or(WorkloadError::NoSvid)?)
    }
}
