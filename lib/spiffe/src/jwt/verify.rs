//! Verification of JWT-SVIDs, in the order in which SPIFFE clients check.

use std::time::Duration;

use jiff::Timestamp;

use super::{Claims, JwtError, parse_unverified};
use crate::{JwtAuthority, SpiffeId, TrustDomain};

/// How far clocks may be apart.
pub const LEEWAY: Duration = Duration::from_secs(60);

/// A verified JWT-SVID.
#[derive(Clone, Debug, PartialEq)]
pub struct JwtSvid {
    /// Whose it is.
    pub id: SpiffeId,
    /// What it says.
    pub claims: Claims,
}

/// Verifies a token: signature by a key of the subject's trust domain, audience and times.
///
/// `keys` returns the JWT authorities of a trust domain, or nothing when it has no bundle. An
/// empty `audience` accepts any, which no verifier of workloads should do. `leeway` is
/// [`LEEWAY`] everywhere in SPIFFE.
///
/// # Errors
/// When the token is malformed, proves nothing, is for someone else or at another time.
pub fn verify<'k>(
    token: &str,
    keys: impl FnOnce(&TrustDomain) -> Option<&'k [JwtAuthority]>,
    audience: &[String],
    now: Timestamp,
    leeway: Duration,
) -> Result<JwtSvid, JwtError> {
    let token = parse_unverified(token)?;
    let key_id = token.header.key_id.as_deref().ok_or(JwtError::NoKeyId)?;
    let claims = &token.claims;
    if claims.subject.is_empty() {
        return Err(JwtError::NoSubject);
    }
    if claims.expires_at.is_none() {
        return Err(JwtError::NoExpiry);
    }
    let id = SpiffeId::parse(&claims.subject).map_err(JwtError::Subject)?;
    let key = find(keys, &id.trust_domain(), key_id)?;
    let algorithm = token.header.algorithm;
    if !algorithm.verifies(&key.public_key, token.message.as_bytes(), &token.signature) {
        return Err(JwtError::Signature(key_id.to_owned()));
    }
    check_audience(claims, audience)?;
    check_times(claims, now, leeway)?;
    Ok(JwtSvid {
        id,
        claims: token.claims,
    })
}

fn find<'k>(
    keys: impl FnOnce(&TrustDomain) -> Option<&'k [JwtAuthority]>,
    trust_domain: &TrustDomain,
    key_id: &str,
) -> Result<&'k JwtAuthority, JwtError> {
    let name = || trust_domain.to_string();
    let keys = keys(trust_domain).ok_or_else(|| JwtError::UnknownTrustDomain(name()))?;
    keys.iter()
        .find(|key| key.key_id == key_id)
        .ok_or_else(|| JwtError::UnknownKey {
            key_id: key_id.to_owned(),
            trust_domain: name(),
        })
}

fn check_audience(claims: &Claims, expected: &[String]) -> Result<(), JwtError> {
    if expected.is_empty() || expected.iter().any(|one| claims.audience.contains(one)) {
        return Ok(());
    }
    Err(JwtError::Audience {
        expected: list(expected),
        found: list(&claims.audience),
    })
}

/// A list as Go's `%q` prints it.
fn list(texts: &[String]) -> String {
    let quoted: Vec<String> = texts.iter().map(|text| format!("{text:?}")).collect();
    format!("[{}]", quoted.join(" "))
}

fn check_times(claims: &Claims, now: Timestamp, leeway: Duration) -> Result<(), JwtError> {
    let ahead = |time: Timestamp| now.saturating_add(leeway).is_ok_and(|now| now < time);
    if claims.not_before.is_some_and(ahead) {
        return Err(JwtError::NotYetValid);
    }
    if claims
        .expires_at
        .is_some_and(|end| now.saturating_sub(leeway).is_ok_and(|now| now > end))
    {
        return Err(JwtError::Expired);
    }
    if claims.issued_at.is_some_and(ahead) {
        return Err(JwtError::IssuedInFuture);
    }
    Ok(())
}
