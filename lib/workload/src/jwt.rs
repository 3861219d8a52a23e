//! JWT-SVIDs and JWT bundles.

use std::collections::BTreeMap;

use steeple_proto::workload::{JwtBundlesRequest, JwtBundlesResponse, JwtsvidRequest};
use steeple_spiffe::{Bundle, SpiffeId, TrustDomain};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::{
    Client, WorkloadError,
    client::{TIMEOUT, Updates, request},
    x509::trust_domain,
};

/// One JWT-SVID.
#[derive(Clone, Eq, PartialEq)]
pub struct JwtSvid {
    /// Whose it is.
    pub id: SpiffeId,
    /// The token.
    pub token: String,
    /// Tells several SVIDs of one workload apart; may be empty.
    pub hint: String,
}

impl std::fmt::Debug for JwtSvid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The token is a credential.
        f.debug_struct("JwtSvid")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// JWT bundles as they came and as they are understood.
#[derive(Clone, Debug)]
pub struct JwtBundles {
    /// The JWKS documents.
    pub documents: BTreeMap<TrustDomain, Vec<u8>>,
    /// The same, read.
    pub bundles: BTreeMap<TrustDomain, Bundle>,
}

impl JwtBundles {
    fn read(response: JwtBundlesResponse) -> Result<Self, WorkloadError> {
        let mut read = Self {
            documents: BTreeMap::new(),
            bundles: BTreeMap::new(),
        };
        for (id, document) in response.bundles {
            let domain = trust_domain(&id)?;
            let bundle = Bundle::from_jwks_json(domain.clone(), &document).map_err(|error| {
                WorkloadError::JwtBundle {
                    trust_domain: domain.to_string(),
                    reason: error.to_string(),
                }
            })?;
            read.documents.insert(domain.clone(), document.to_vec());
            read.bundles.insert(domain, bundle);
        }
        Ok(read)
    }
}

impl Client {
    /// Follows the JWT bundles until `stopping`.
    pub fn jwt_bundles(&self, stopping: CancellationToken) -> Updates<JwtBundles> {
        self.follow(
            "fetching JWT bundles",
            stopping,
            |client| async move {
                let answer = client
                    .api()
                    .fetch_jwt_bundles(request(JwtBundlesRequest {}))
                    .await?;
                Ok(answer.into_inner())
            },
            JwtBundles::read,
        )
    }

    /// The JWT bundles now; one try.
    ///
    /// # Errors
    /// When the agent does not answer within 30 s, refuses, or answers what cannot be read.
    pub async fn fetch_jwt_bundles(&self) -> Result<JwtBundles, WorkloadError> {
        let fetched = tokio::time::timeout(TIMEOUT, async {
            let answer = self
                .api()
                .fetch_jwt_bundles(request(JwtBundlesRequest {}))
                .await?;
            answer.into_inner().message().await
        });
        let message = fetched.await.unwrap_or_else(|_| Err(late()));
        let message = message.map_err(WorkloadError::call("fetching JWT bundles"))?;
        JwtBundles::read(message.ok_or(WorkloadError::NoSvid)?)
    }

    /// JWT-SVIDs for `audience`: of every identity of the caller, or of `id`.
    ///
    /// # Errors
    /// When the agent does not answer within 30 s, refuses, or answers what cannot be read.
    pub async fn fetch_jwt_svids(
        &self,
        audience: &[String],
        id: Option<&SpiffeId>,
    ) -> Result<Vec<JwtSvid>, WorkloadError> {
        let message = JwtsvidRequest {
            audience: audience.to_vec(),
            spiffe_id: id.map(ToString::to_string).unwrap_or_default(),
        };
        let mut api = self.api();
        let fetched = tokio::time::timeout(TIMEOUT, api.fetch_jwtsvid(request(message)));
        let answer = fetched.await.unwrap_or_else(|_| Err(late()));
        let answer = answer
            .map_err(WorkloadError::call("fetching JWT-SVIDs"))?
            .into_inner();
        if answer.svids.is_empty() {
            return Err(WorkloadError::NoSvid);
        }
        answer
            .svids
            .into_iter()
            .map(|svid| {
                let id = SpiffeId::parse(&svid.spiffe_id).map_err(|source| WorkloadError::Id {
                    text: svid.spiffe_id.clone(),
                    source,
                })?;
                Ok(JwtSvid {
                    id,
                    token: svid.svid,
                    hint: svid.hint,
                })
            })
            .collect()
    }
}

fn late() -> Status {
    Status::deadline_exceeded("the agent did not answer within 30 s")
}
