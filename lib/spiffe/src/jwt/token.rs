//! The compact form: three base64url parts, and what the first two say.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use super::{Algorithm, Claims, JwtError};

/// The protected header.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Header {
    /// `alg`.
    pub algorithm: Algorithm,
    /// `kid`, where there is one.
    pub key_id: Option<String>,
    /// `typ`, where there is one.
    pub kind: Option<String>,
}

/// A token that has been read but proves nothing yet.
#[derive(Clone, Debug, PartialEq)]
pub struct UnverifiedToken<'t> {
    /// The header.
    pub header: Header,
    /// The claims, unproven.
    pub claims: Claims,
    /// What the signature is over.
    pub(super) message: &'t str,
    pub(super) signature: Vec<u8>,
}

/// Reads a compact token and checks its header. The signature, audience and times are not looked
/// at.
///
/// # Errors
/// When the form is wrong, the algorithm is not permitted, or the type is another than JWT.
pub fn parse_unverified(token: &str) -> Result<UnverifiedToken<'_>, JwtError> {
    let malformed = || JwtError::Malformed("compact form must have three parts".to_owned());
    let (message, signature) = token.rsplit_once('.').ok_or_else(malformed)?;
    let (header, claims) = message.split_once('.').ok_or_else(malformed)?;
    if claims.contains('.') {
        return Err(malformed());
    }
    Ok(UnverifiedToken {
        header: Header::read(&decode("header", header)?)?,
        claims: Claims::read(&decode("claims", claims)?)?,
        message,
        signature: decode("signature", signature)?,
    })
}

fn decode(part: &str, text: &str) -> Result<Vec<u8>, JwtError> {
    URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|e| JwtError::Malformed(format!("{part} is not base64url: {e}")))
}

impl Header {
    fn read(json: &[u8]) -> Result<Self, JwtError> {
        let all: Map<String, Value> = serde_json::from_slice(json)
            .map_err(|e| JwtError::Malformed(format!("header is not a JSON object: {e}")))?;
        let text = |name: &str| match all.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(value)) => Ok(Some(value.clone())),
            Some(_) => Err(JwtError::Malformed(format!(
                "header {name:?} is not a string"
            ))),
        };
        if all.contains_key("crit") {
            return Err(JwtError::Critical);
        }
        let name = text("alg")?.unwrap_or_default();
        let algorithm = Algorithm::from_name(&name).ok_or(JwtError::Algorithm(name))?;
        let kind = text("typ")?;
        if kind
            .as_deref()
            .is_some_and(|kind| kind != "JWT" && kind != "JOSE")
        {
            return Err(JwtError::Type);
        }
        let key_id = text("kid")?.filter(|key_id| !key_id.is_empty());
        Ok(Self {
            algorithm,
            key_id,
            kind,
        })
    }
}

/// A token that lacks only its signature; consumed by [`UnsignedToken::finish`].
#[derive(Debug)]
pub struct UnsignedToken {
    algorithm: Algorithm,
    message: String,
}

impl UnsignedToken {
    /// Encodes header (`alg`, `kid`, `typ` JWT) and claims.
    pub fn new(algorithm: Algorithm, key_id: &str, claims: &Claims) -> Self {
        let header = serde_json::json!({ "alg": algorithm.name(), "kid": key_id, "typ": "JWT" });
        let claims = Value::Object(claims.all.clone());
        let encode = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        Self {
            algorithm,
            message: format!("{}.{}", encode(header), encode(claims)),
        }
    }

    /// The bytes to sign.
    pub fn message(&self) -> &[u8] {
        self.message.as_bytes()
    }

    /// Puts the signature to it. ECDSA signatures are taken as DER, as signers return them.
    ///
    /// # Errors
    /// When an ECDSA signature is not DER or too long for the curve.
    pub fn finish(self, signature: &[u8]) -> Result<String, JwtError> {
        let signature = self.algorithm.token_signature(signature)?;
        Ok(format!(
            "{}.{}",
            self.message,
            URL_SAFE_NO_PAD.encode(signature)
        ))
    }
}
