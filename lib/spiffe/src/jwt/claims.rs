//! The claims of a JWT-SVID.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::JwtError;

/// What a token says. The known claims are typed; `all` has every claim as it came.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Claims {
    /// `sub`; empty when absent.
    pub subject: String,
    /// `aud`, which may be one text or a list.
    pub audience: Vec<String>,
    /// `exp`.
    pub expires_at: Option<Timestamp>,
    /// `iat`.
    pub issued_at: Option<Timestamp>,
    /// `nbf`.
    pub not_before: Option<Timestamp>,
    /// Every claim.
    pub all: Map<String, Value>,
}

impl Claims {
    pub(super) fn read(json: &[u8]) -> Result<Self, JwtError> {
        let all: Map<String, Value> = serde_json::from_slice(json)
            .map_err(|e| JwtError::Malformed(format!("claims are not a JSON object: {e}")))?;
        Ok(Self {
            subject: subject(&all)?,
            audience: audience(&all)?,
            expires_at: date(&all, "exp")?,
            issued_at: date(&all, "iat")?,
            not_before: date(&all, "nbf")?,
            all,
        })
    }

    /// The claims of a token to be issued: `sub`, `aud` (always a list), `exp`, `iat`.
    pub fn issue(
        subject: &str,
        audience: &[String],
        issued_at: Timestamp,
        expires_at: Timestamp,
    ) -> Self {
        let mut all = Map::new();
        all.insert("sub".to_owned(), subject.into());
        all.insert("aud".to_owned(), audience.into());
        all.insert("iat".to_owned(), issued_at.as_second().into());
        all.insert("exp".to_owned(), expires_at.as_second().into());
        Self {
            subject: subject.to_owned(),
            audience: audience.to_vec(),
            expires_at: Some(expires_at),
            issued_at: Some(issued_at),
            not_before: None,
            all,
        }
    }

    /// Adds a claim of text, such as `iss` or `jti`.
    pub fn with(mut self, claim: &str, value: &str) -> Self {
        self.all.insert(claim.to_owned(), value.into());
        self
    }
}

fn wrong_type(claim: &str, wanted: &str) -> JwtError {
    JwtError::Malformed(format!("claim {claim:?} is not {wanted}"))
}

fn subject(all: &Map<String, Value>) -> Result<String, JwtError> {
    match all.get("sub") {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(subject)) => Ok(subject.clone()),
        Some(_) => Err(wrong_type("sub", "a string")),
    }
}

fn audience(all: &Map<String, Value>) -> Result<Vec<String>, JwtError> {
    let wrong = || wrong_type("aud", "a string or a list of strings");
    match all.get("aud") {
        None => Ok(Vec::new()),
        Some(Value::String(one)) => Ok(vec![one.clone()]),
        Some(Value::Array(list)) => list
            .iter()
            .map(|item| item.as_str().map(str::to_owned).ok_or_else(wrong))
            .collect(),
        Some(_) => Err(wrong()),
    }
}

/// A NumericDate: whole seconds, a fraction is cut off.
fn date(all: &Map<String, Value>, claim: &str) -> Result<Option<Timestamp>, JwtError> {
    let wrong = || wrong_type(claim, "a number of seconds since 1970");
    let seconds = match all.get(claim) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Number(number)) => number
            .as_i64()
            .or_else(|| number.as_f64().map(|seconds| seconds as i64))
            .ok_or_else(wrong)?,
        Some(_) => return Err(wrong()),
    };
    Timestamp::from_second(seconds)
        .map(Some)
        .map_err(|_| wrong())
}
