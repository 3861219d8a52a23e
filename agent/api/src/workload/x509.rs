//! X.509-SVIDs and X.509 bundles.

use std::{collections::HashMap, sync::Arc};

use steeple_cache::{Identity, WorkloadUpdate, without_duplicate_hints};
use steeple_proto::workload::{X509BundlesResponse, X509svid, X509svidResponse};
use steeple_spiffe::Bundle;

use super::{
    Answers,
    call::Attested,
    stream::{changes, follow},
};
use crate::ApiConfig;

/// Follows the caller's X.509-SVIDs. Each update is sent, changed or not, as SPIRE does.
pub(crate) fn svids(config: &Arc<ApiConfig>, caller: Attested) -> Answers<X509svidResponse> {
    let now = config.clock.clone();
    follow(config, caller.selectors.clone(), move |update| {
        if update.identities.is_empty() {
            return Err(caller.no_identity());
        }
        let response = svid_response(update);
        log_svids(&caller, &response.0, now.now());
        Ok(Some(response.1))
    })
}

fn svid_response(update: WorkloadUpdate) -> (Vec<Identity>, X509svidResponse) {
    let bundle = concatenated(&update.bundle);
    let federated_bundles = update
        .federated
        .iter()
        .map(|(domain, bundle)| (domain.id().to_string(), concatenated(bundle).into()))
        .collect();
    let identities = without_duplicate_hints(update.identities, |identity| &identity.entry);
    let svids = identities
        .iter()
        .map(|identity| X509svid {
            spiffe_id: identity.entry.spiffe_id.to_string(),
            x509_svid: identity.svid.chain.clone().into(),
            x509_svid_key: identity.svid.key.pkcs8_der().to_vec().into(),
            bundle: bundle.clone().into(),
            hint: identity.entry.hint.clone(),
        })
        .collect();
    let response = X509svidResponse {
        svids,
        crl: Vec::new(),
        federated_bundles,
    };
    (identities, response)
}

fn log_svids(caller: &Attested, identities: &[Identity], now: jiff::Timestamp) {
    for identity in identities {
        tracing::debug!(
            count = identities.len(),
            method = caller.method,
            pid = caller.pid,
            registered = true,
            service = "WorkloadAPI",
            spiffe_id = %identity.entry.spiffe_id,
            subsystem_name = "endpoints",
            ttl = identity.svid.not_after.duration_since(now).as_secs_f64(),
            "Fetched X.509 SVID"
        );
    }
}

/// Follows the bundles the caller needs to verify others; identical answers are sent once.
pub(crate) fn bundles(config: &Arc<ApiConfig>, caller: Attested) -> Answers<X509BundlesResponse> {
    let anyone = config.unauthenticated_verifiers;
    let mut changes = changes();
    follow(config, caller.selectors.clone(), move |update| {
        let bundles = for_verifier(&update, anyone).ok_or_else(|| caller.no_identity())?;
        let bundles: HashMap<_, _> = bundles
            .into_iter()
            .map(|bundle| {
                (
                    bundle.trust_domain.id().to_string(),
                    concatenated(bundle).into(),
                )
            })
            .collect();
        Ok(changes(X509BundlesResponse {
            crl: Vec::new(),
            bundles,
        }))
    })
}

/// The bundles a caller may have: its own trust domain's and those it federates with; only the
/// first for one without identity, and only where such callers are allowed.
pub(crate) fn for_verifier(update: &WorkloadUpdate, anyone: bool) -> Option<Vec<&Arc<Bundle>>> {
    if update.identities.is_empty() {
        return anyone.then(|| vec![&update.bundle]);
    }
    Some(
        std::iter::once(&update.bundle)
            .chain(update.federated.values())
            .collect(),
    )
}

/// The roots, DER, one after the other.
fn concatenated(bundle: &Bundle) -> Vec<u8> {
    bundle
        .x509_authorities
        .iter()
        .flat_map(|root| root.der.iter().copied())
        .collect()
}
