//! The OpenID Connect discovery document.

use bytes::Bytes;
use serde::Serialize;

use super::reply::json;
use crate::config::{SiteConfig, join};

/// OpenID Connect Discovery 1.0, section 3, as far as it applies to tokens that are not asked for
/// by browsers.
#[derive(Serialize)]
struct Document<'d> {
    issuer: &'d str,
    jwks_uri: &'d str,
    authorization_endpoint: &'static str,
    response_types_supported: [&'static str; 1],
    subject_types_supported: [&'static str; 1],
    id_token_signing_alg_values_supported: [&'static str; 3],
}

/// The document for those who came by `scheme` to `host`.
pub(super) fn document(site: &SiteConfig, scheme: &str, host: &str) -> Bytes {
    let here = format!("{scheme}://{host}");
    let issuer = match &site.jwt_issuer {
        Some(issuer) => issuer.as_str().to_owned(),
        None => format!("{here}{}", site.path_prefix),
    };
    let jwks_uri = match (&site.jwks_uri, &site.jwt_issuer) {
        (Some(uri), _) => uri.as_str().to_owned(),
        (None, Some(issuer)) => issuer.keys(),
        (None, None) => format!("{here}{}", join(&site.path_prefix, "keys")),
    };
    json(&Document {
        issuer: &issuer,
        jwks_uri: &jwks_uri,
        authorization_endpoint: "",
        response_types_supported: ["id_token"],
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: ["RS256", "ES256", "ES384"],
    })
}
