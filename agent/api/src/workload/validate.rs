//! ValidateJWTSVID: verification for workloads that do not do it themselves.

use std::sync::Arc;

use prost_types::{ListValue, Struct, Value as ProtoValue, value::Kind};
use serde_json::{Map, Value};
use steeple_proto::workload::{ValidateJwtsvidRequest, ValidateJwtsvidResponse};
use steeple_spiffe::{
    JwtAuthority, TrustDomain,
    jwt::{self, JwtSvid},
};
use tonic::Status;

use super::call::Attested;
use crate::ApiConfig;

/// The claims of another trust domain's token that are passed on.
const FOREIGN_CLAIMS: [&str; 3] = ["sub", "exp", "aud"];

/// What is to be validated.
pub(crate) struct Token {
    token: String,
    audience: String,
}

impl Token {
    /// Reads the request.
    pub(crate) fn read(request: &ValidateJwtsvidRequest) -> Result<Self, Status> {
        if request.audience.is_empty() {
            return Err(Status::invalid_argument("audience must be specified"));
        }
        if request.svid.is_empty() {
            return Err(Status::invalid_argument("svid must be specified"));
        }
        Ok(Self {
            token: request.svid.clone(),
            audience: request.audience.clone(),
        })
    }
}

/// Verifies a token with the bundles the caller may use: the own trust domain's always, and those
/// that its identities federate with.
pub(crate) fn validate(
    config: &Arc<ApiConfig>,
    caller: &Attested,
    token: &Token,
) -> Result<ValidateJwtsvidResponse, Status> {
    let update = config.cache.fetch(&caller.selectors);
    let keys = |domain: &TrustDomain| -> Option<&[JwtAuthority]> {
        let bundle = if *domain == update.bundle.trust_domain {
            Some(&update.bundle)
        } else {
            update.federated.get(domain)
        };
        bundle.map(|bundle| bundle.jwt_authorities.as_slice())
    };
    let audience = std::slice::from_ref(&token.audience);
    let verified = jwt::verify(
        &token.token,
        keys,
        audience,
        config.clock.now(),
        jwt::LEEWAY,
    );
    let svid = verified.map_err(|error| {
        tracing::warn!(
            %error,
            method = caller.method,
            pid = caller.pid,
            service = "WorkloadAPI",
            subsystem_name = "endpoints",
            "Failed to validate JWT"
        );
        Status::invalid_argument(error.to_string())
    })?;
    Ok(response(svid, &config.trust_domain))
}

fn response(svid: JwtSvid, own: &TrustDomain) -> ValidateJwtsvidResponse {
    let mut claims = svid.claims.all;
    if !svid.id.is_member_of(own) {
        claims.retain(|name, _| FOREIGN_CLAIMS.contains(&name.as_str()));
    }
    // One audience may come as a text; callers always get a list.
    claims.insert("aud".to_owned(), svid.claims.audience.into());
    ValidateJwtsvidResponse {
        spiffe_id: svid.id.to_string(),
        claims: Some(object(claims)),
    }
}

fn object(object: Map<String, Value>) -> Struct {
    Struct {
        fields: object
            .into_iter()
            .map(|(name, value)| (name, proto(value)))
            .collect(),
    }
}

fn proto(value: Value) -> ProtoValue {
    let kind = match value {
        Value::Null => Kind::NullValue(0),
        Value::Bool(value) => Kind::BoolValue(value),
        Value::Number(value) => Kind::NumberValue(value.as_f64().unwrap_or_default()),
        Value::String(value) => Kind::StringValue(value),
        Value::Array(values) => Kind::ListValue(ListValue {
            values: values.into_iter().map(proto).collect(),
        }),
        Value::Object(fields) => Kind::StructValue(object(fields)),
    };
    ProtoValue { kind: Some(kind) }
}

#[cfg(test)]
mod tests {
    use steeple_spiffe::{SpiffeId, jwt::Claims};

    use super::*;

    fn svid(id: &str) -> JwtSvid {
        let at = |seconds| jiff::Timestamp::from_second(seconds).unwrap();
        JwtSvid {
            id: SpiffeId::parse(id).unwrap(),
            claims: Claims::issue(id, &["a".to_owned()], at(1), at(2)).with("role", "x"),
        }
    }

    fn names(response: ValidateJwtsvidResponse) -> Vec<String> {
        response.claims.unwrap().fields.into_keys().collect()
    }

    #[test]
    fn own_tokens_show_every_claim_and_foreign_ones_three() {
        let own = TrustDomain::parse("example.org").unwrap();
        let shown = names(response(svid("spiffe://example.org/a"), &own));
        assert_eq!(shown, ["aud", "exp", "iat", "role", "sub"]);
        let shown = names(response(svid("spiffe://other.org/a"), &own));
        assert_eq!(shown, ["aud", "exp", "sub"]);
    }

    #[test]
    fn one_audience_becomes_a_list() {
        let own = TrustDomain::parse("example.org").unwrap();
        let mut svid = svid("spiffe://example.org/a");
        svid.claims.all.insert("aud".to_owned(), "a".into());
        let claims = response(svid, &own).claims.unwrap();
        assert!(matches!(
            claims.fields["aud"].kind,
            Some(Kind::ListValue(_))
        ));
    }

    #[test]
    fn asks_for_both_parts() {
        let request = |audience: &str, svid: &str| ValidateJwtsvidRequest {
            audience: audience.to_owned(),
            svid: svid.to_owned(),
        };
        assert!(Token::read(&request("a", "t")).is_ok());
        let refused = |request| Token::read(&request).err().unwrap().message().to_owned();
        assert_eq!(refused(request("", "t")), "audience must be specified");
        assert_eq!(refused(request("a", "")), "svid must be specified");
    }
}
