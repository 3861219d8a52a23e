//! From a name to a certificate.

use std::{sync::Arc, time::Duration};

use instant_acme::{
    Account, AuthorizationStatus, ChallengeType, Error, Identifier, NewOrder, Order, OrderStatus,
    RetryPolicy,
};

use super::{
    AcmeError, certificate,
    resolver::{Proof, Resolver},
};

/// How long the whole may take.
const LIMIT: Duration = Duration::from_secs(180);
/// How long the service may take to look for the proof, and to make the certificate.
const PATIENCE: RetryPolicy = RetryPolicy::new().timeout(Duration::from_secs(60));

/// A new certificate for `domain`: key and chain, PEM.
pub(super) async fn obtain(
    account: &Account,
    domain: &str,
    resolver: &Arc<Resolver>,
) -> Result<String, AcmeError> {
    let obtained = tokio::time::timeout(LIMIT, place(account, domain, resolver)).await;
    obtained.unwrap_or(Err(AcmeError::Late(LIMIT.as_secs())))
}

fn failed(doing: &'static str) -> impl FnOnce(Error) -> AcmeError {
    move |source| AcmeError::Service { doing, source }
}

async fn place(
    account: &Account,
    domain: &str,
    resolver: &Arc<Resolver>,
) -> Result<String, AcmeError> {
    let names = [Identifier::Dns(domain.to_owned())];
    let order = account.new_order(&NewOrder::new(&names)).await;
    let mut order = order.map_err(failed("ordering a certificate"))?;
    let proofs = prove(&mut order, domain, resolver).await?;
    let looking = "waiting for the ACME service to look for the proof";
    let status = order.poll_ready(&PATIENCE).await.map_err(failed(looking))?;
    drop(proofs);
    if status == OrderStatus::Invalid {
        let why = complaint(&mut order).await;
        let domain = domain.to_owned();
        return Err(AcmeError::NotProven { domain, why });
    }
    let key = order.finalize().await;
    let key = key.map_err(failed("asking for the certificate"))?;
    let chain = order.poll_certificate(&PATIENCE).await;
    let chain = chain.map_err(failed("fetching the certificate"))?;
    Ok(format!("{key}{chain}"))
}

/// Puts up what proves the name and tells the service so.
async fn prove(
    order: &mut Order,
    domain: &str,
    resolver: &Arc<Resolver>,
) -> Result<Vec<Proof>, AcmeError> {
    let mut proofs = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.map_err(failed("fetching an authorization"))?;
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let challenge = authorization.challenge(ChallengeType::TlsAlpn01);
        let mut challenge = challenge.ok_or_else(|| AcmeError::NoChallenge(domain.to_owned()))?;
        let digest = challenge.key_authorization().digest();
        let certificate = certificate::proof(domain, digest.as_ref())?;
        proofs.push(resolver.prove(domain, certificate));
        let told = challenge.set_ready().await;
        told.map_err(failed("telling the ACME service that the proof is there"))?;
    }
    Ok(proofs)
}

/// What the service says against the proof.
async fn complaint(order: &mut Order) -> String {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let Ok(mut authorization) = authorization else {
            continue;
        };
        let Ok(state) = authorization.refresh().await else {
            continue;
        };
        if let Some(problem) = state.challenges.iter().find_map(|c| c.error.as_ref()) {
            return problem.to_string();
        }
    }
    "it does not say why".to_owned()
}
