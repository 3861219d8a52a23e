//! What the service says: credentials, or why not.

use http::{HeaderMap, StatusCode};
use jiff::{Timestamp, fmt::rfc2822};
use serde::Deserialize;

use super::{Refused, SessionError, http::Answer};
use crate::credentials::Credentials;

/// Errors that mean "later", whatever status they come with.
const LATER: &[&str] = &[
    "BandwidthLimitExceeded",
    "LimitExceededException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "RequestTimeout",
    "RequestTimeoutException",
    "SlowDown",
    "Throttling",
    "ThrottledException",
    "ThrottlingException",
    "TooManyRequestsException",
];
/// From this difference on, in seconds, the machine's clock is worth a word.
const SKEW: i64 = 240;

/// Reads an answer that came at `now`.
///
/// # Errors
/// When it holds no credentials.
pub(super) fn read(answer: &Answer, now: Timestamp) -> Result<Credentials, SessionError> {
    if !answer.status.is_success() {
        return Err(SessionError::Refused(refused(answer, now)));
    }
    let document: Document = serde_json::from_slice(&answer.body).map_err(|error| {
        SessionError::Broken(format!("its body is not what it should be: {error}"))
    })?;
    let found = document.credential_set.into_iter().next();
    let found = found.ok_or(SessionError::Empty)?.credentials;
    let expiration: Timestamp = found.expiration.parse().map_err(|error| {
        SessionError::Broken(format!("expiration {:?}: {error}", found.expiration))
    })?;
    if expiration <= now {
        return Err(SessionError::Expired(found.expiration));
    }
    Ok(Credentials {
        access_key_id: found.access_key_id,
        secret_access_key: found.secret_access_key,
        session_token: found.session_token,
        expiration_text: found.expiration,
        expiration,
        obtained: now,
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    credential_set: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    credentials: Found,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    access_key_id: String,
    secret_access_key: String,
    session_token: String,
    expiration: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Failure {
    #[serde(rename = "__type", alias = "code")]
    kind: String,
    #[serde(alias = "Message")]
    message: String,
}

fn refused(answer: &Answer, now: Timestamp) -> Refused {
    let failure: Failure = serde_json::from_slice(&answer.body).unwrap_or_default();
    let header = header(&answer.headers, "x-amzn-errortype");
    // "Code:http://..." in the header, "namespace#Code" in the body.
    let kind = header.split(':').next().filter(|kind| !kind.is_empty());
    let kind = kind.unwrap_or(&failure.kind);
    let kind = kind.rsplit('#').next().unwrap_or(kind);
    let hint = hint(kind, &failure.message, skew(&answer.headers, now));
    Refused {
        status: answer.status.as_u16(),
        kind: kind.to_owned(),
        message: failure.message,
        request: self::header(&answer.headers, "x-amzn-requestid").to_owned(),
        later: is_later(answer.status, kind),
        hint,
    }
}

fn is_later(status: StatusCode, kind: &str) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504) || LATER.contains(&kind)
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default()
}

/// How many seconds the machine's clock is ahead of the service's.
fn skew(headers: &HeaderMap, now: Timestamp) -> i64 {
    let date = rfc2822::DateTimeParser::new().parse_timestamp(header(headers, "date"));
    date.map_or(0, |date| now.as_second() - date.as_second())
}

/// What to do about the errors that people meet most.
fn hint(kind: &str, message: &str, skew: i64) -> Option<String> {
    if skew.abs() > SKEW {
        let way = if skew > 0 { "ahead of" } else { "behind" };
        let seconds = skew.abs();
        return Some(format!(
            "this machine's clock is {seconds} s {way} the service's"
        ));
    }
    if kind == "AccessDeniedException" && message.contains("Untrusted signing certificate") {
        let text = "the certificates sent do not lead to the trust anchor: are the intermediates \
                    in --intermediates, or after the leaf in --certificate?";
        return Some(text.to_owned());
    }
    None
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
