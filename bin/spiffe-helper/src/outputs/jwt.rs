//! JWT bundles and JWT-SVIDs.

use std::{collections::BTreeMap, path::PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde_json::{Map, Value};
use steeple_spiffe::{
    Bundle, TrustDomain,
    forms::BundleFormError,
    jwk::JwkSet,
    jwt::{self, JwtError},
};
use steeple_workload::JwtSvid;

use crate::config::{JwtBundleFile, JwtBundleFormat, TRUST_DOMAIN};

/// Why JWT bundles or a JWT-SVID cannot be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JwtOutputError {
    /// A bundle has a key without a JWK form.
    #[error("unable to marshal JWT bundle of {domain}: {source}")]
    Bundle {
        /// Whose bundle.
        domain: TrustDomain,
        /// What is wrong.
        source: BundleFormError,
    },
    /// The document that was made cannot be read back: a defect of this program.
    #[error("unable to marshal JWT bundle: {0}")]
    Json(#[from] serde_json::Error),
    /// No token has the hint that the configuration asks for.
    #[error("failed to find the hinted JWT SVID: none of the {count} tokens has the hint {hint:?}")]
    Hint {
        /// The hint.
        hint: String,
        /// How many there are.
        count: usize,
    },
    /// A token does not hold against the JWT bundles.
    #[error("unable to parse or validate token of {id}: {source}")]
    Invalid {
        /// Whose token, as the agent says.
        id: String,
        /// What is wrong.
        source: JwtError,
    },
}

/// The files of the JWT bundles with their contents.
pub(crate) fn bundles(
    bundles: &BTreeMap<TrustDomain, Bundle>,
    file: &JwtBundleFile,
) -> Result<Vec<(PathBuf, String)>, JwtOutputError> {
    let name = file.path.to_string_lossy();
    if file.format == JwtBundleFormat::Jwks && name.contains(TRUST_DOMAIN) {
        let each = bundles.iter();
        return each
            .map(|(domain, bundle)| {
                let path = name.replace(TRUST_DOMAIN, domain.as_str());
                Ok((PathBuf::from(path), jwks(domain, bundle)?.to_string()))
            })
            .collect();
    }
    let mut all = Map::new();
    for (domain, bundle) in bundles {
        let value = match file.format {
            JwtBundleFormat::Jwks => jwks(domain, bundle)?,
            JwtBundleFormat::Base64 => STANDARD.encode(compact(domain, bundle)?).into(),
        };
        all.insert(domain.to_string(), value);
    }
    Ok(vec![(file.path.clone(), Value::Object(all).to_string())])
}

fn jwks(domain: &TrustDomain, bundle: &Bundle) -> Result<Value, JwtOutputError> {
    Ok(serde_json::from_str(&compact(domain, bundle)?)?)
}

/// The JWKS on one line, its keys in the order of the bundle.
fn compact(domain: &TrustDomain, bundle: &Bundle) -> Result<String, JwtOutputError> {
    let document = bundle
        .to_jwks_json()
        .map_err(|source| JwtOutputError::Bundle {
            domain: domain.clone(),
            source,
        })?;
    let keys: JwkSet = serde_json::from_str(&document)?;
    Ok(serde_json::to_string(&keys)?)
}

/// The token to write and when it expires, after every token was found to hold.
pub(crate) fn token<'t>(
    tokens: &'t [JwtSvid],
    hint: &str,
    audience: &str,
    bundles: &BTreeMap<TrustDomain, Bundle>,
    now: Timestamp,
) -> Result<(&'t str, Timestamp), JwtOutputError> {
    let mut chosen = None;
    for svid in tokens {
        let verified = jwt::verify(
            &svid.token,
            |domain| {
                bundles
                    .get(domain)
                    .map(|bundle| bundle.jwt_authorities.as_slice())
            },
            &[audience.to_owned()],
            now,
            jwt::LEEWAY,
        );
        let verified = verified.map_err(|source| JwtOutputError::Invalid {
            id: svid.id.to_string(),
            source,
        })?;
        if chosen.is_none() && (hint.is_empty() || svid.hint == hint) {
            let expires_at = verified.claims.expires_at.unwrap_or(now);
            chosen = Some((svid.token.as_str(), expires_at));
        }
    }
    chosen.ok_or_else(|| JwtOutputError::Hint {
        hint: hint.to_owned(),
        count: tokens.len(),
    })
}

#[cfg(test)]
mod tests;
