//! JWT-SVIDs and JWT bundles.

use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use steeple_cache::{Entry, without_duplicate_hints};
use steeple_proto::workload::{JwtBundlesResponse, Jwtsvid, JwtsvidRequest, JwtsvidResponse};
use steeple_spiffe::SpiffeId;
use tonic::Status;

use super::{
    Answers,
    call::Attested,
    stream::{changes, follow},
    x509::for_verifier,
};
use crate::ApiConfig;

/// How many tokens of one request are asked of the server at a time.
const AT_ONCE: usize = 10;

/// What a caller asks for.
pub(crate) struct Wanted {
    audience: Vec<String>,
    id: Option<SpiffeId>,
}

impl Wanted {
    /// Reads the request.
    pub(crate) fn read(request: &JwtsvidRequest) -> Result<Self, Status> {
        if request.audience.is_empty() {
            return Err(Status::invalid_argument("audience must be specified"));
        }
        let id = match request.spiffe_id.as_str() {
            "" => None,
            text => Some(SpiffeId::parse(text).map_err(|error| {
                Status::invalid_argument(format!("invalid requested SPIFFE ID: {error}"))
            })?),
        };
        Ok(Self {
            audience: request.audience.clone(),
            id,
        })
    }

    fn includes(&self, entry: &Entry) -> bool {
        self.id.as_ref().is_none_or(|id| *id == entry.spiffe_id)
    }
}

/// One token for each identity of the caller, or for the one it asks for.
pub(crate) async fn svids(
    config: &Arc<ApiConfig>,
    caller: &Attested,
    wanted: &Wanted,
) -> Result<JwtsvidResponse, Status> {
    let mut entries = config.cache.matching_entries(&caller.selectors);
    entries.retain(|entry| wanted.includes(entry));
    let entries = without_duplicate_hints(entries, |entry| entry);
    if entries.is_empty() {
        return Err(caller.no_identity());
    }
    let svids = stream::iter(entries)
        .map(|entry| svid(config, caller, wanted, entry))
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    Ok(JwtsvidResponse { svids })
}

async fn svid(
    config: &Arc<ApiConfig>,
    caller: &Attested,
    wanted: &Wanted,
    entry: Arc<Entry>,
) -> Result<Jwtsvid, Status> {
    let fetched = config.cache.jwt_svid(&entry, &wanted.audience).await;
    let svid = fetched.map_err(|error| {
        tracing::error!(
            %error,
            method = caller.method,
            pid = caller.pid,
            registered = true,
            service = "WorkloadAPI",
            spiffe_id = %entry.spiffe_id,
            subsystem_name = "endpoints",
            "Could not fetch JWT-SVID"
        );
        Status::unavailable(format!("could not fetch JWT-SVID: {error}"))
    })?;
    tracing::debug!(
        method = caller.method,
        pid = caller.pid,
        registered = true,
        service = "WorkloadAPI",
        spiffe_id = %entry.spiffe_id,
        subsystem_name = "endpoints",
        ttl = svid.expires_at.duration_since(config.clock.now()).as_secs_f64(),
        "Fetched JWT SVID"
    );
    Ok(Jwtsvid {
        spiffe_id: entry.spiffe_id.to_string(),
        svid: svid.token.clone(),
        hint: entry.hint.clone(),
    })
}

/// Follows the JWT bundles, as plain JWKS documents; identical answers are sent once.
pub(crate) fn bundles(config: &Arc<ApiConfig>, caller: Attested) -> Answers<JwtBundlesResponse> {
    let anyone = config.unauthenticated_verifiers;
    let mut changes = changes();
    follow(config, caller.selectors.clone(), move |update| {
        let bundles = for_verifier(&update, anyone).ok_or_else(|| caller.no_identity())?;
        let bundles = bundles
            .into_iter()
            .map(|bundle| {
                let document = bundle.to_jwks_json().map_err(|error| {
                    Status::unavailable(format!("could not serialize response: {error}"))
                })?;
                Ok((bundle.trust_domain.id().to_string(), document.into()))
            })
            .collect::<Result<_, Status>>()?;
        Ok(changes(JwtBundlesResponse { bundles }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(audience: &[&str], id: &str) -> JwtsvidRequest {
        JwtsvidRequest {
            audience: audience.iter().map(|one| (*one).to_owned()).collect(),
            spiffe_id: id.to_owned(),
        }
    }

    #[test]
    fn reads_what_is_wanted() {
        assert!(Wanted::read(&request(&["a"], "")).is_ok());
        assert!(Wanted::read(&request(&["a"], "spiffe://example.org/x")).is_ok());

        let refused = Wanted::read(&request(&[], "")).err().unwrap();
        assert_eq!(refused.code(), tonic::Code::InvalidArgument);
        assert_eq!(refused.message(), "audience must be specified");
        let refused = Wanted::read(&request(&["a"], "http://x")).err().unwrap();
        assert_eq!(
            refused.message(),
            "invalid requested SPIFFE ID: scheme is missing or invalid"
        );
    }
}
