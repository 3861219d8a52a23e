//! What a credential command was told, checked once.

use std::time::Duration;

use crate::{
    cli::Values,
    identity::{Source, SourceError},
    log::Log,
    session::Endpoint,
    session::EndpointError,
};

/// An Amazon Resource Name, taken apart as far as anything here asks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Arn {
    pub(crate) text: String,
    pub(crate) region: String,
    pub(crate) resource: String,
}

impl Arn {
    /// Reads `arn:partition:service:region:account:resource`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        if parts.next() != Some("arn") {
            return None;
        }
        let (_partition, _service) = (parts.next()?, parts.next()?);
        let region = parts.next()?.to_owned();
        let _account = parts.next()?;
        let resource = parts.next()?.to_owned();
        let text = text.to_owned();
        Some(Self {
            text,
            region,
            resource,
        })
    }

    /// The last segment of the resource: a role's name without its path.
    pub(crate) fn name(&self) -> &str {
        self.resource.rsplit('/').next().unwrap_or_default()
    }
}

/// Why the options cannot be used; all mistakes at once.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OptionsError {
    /// ARNs are missing or wrong.
    #[error("{}", .0.join("; "))]
    Arns(Vec<String>),
    /// A number is out of range.
    #[error("--{flag} must be {range}, not {value}")]
    Range {
        flag: &'static str,
        range: &'static str,
        value: i64,
    },
    /// What names certificate and key makes no sense.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Where to send the request makes no sense.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
}

/// What a session is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) role: Arn,
    pub(crate) profile: Arn,
    pub(crate) trust_anchor: Arn,
    pub(crate) region: String,
    pub(crate) seconds: i64,
    pub(crate) name: Option<String>,
}

/// How the request is sent.
#[derive(Clone, Debug)]
pub(crate) struct Transport {
    pub(crate) endpoint: Endpoint,
    pub(crate) verify: bool,
    pub(crate) timeout: Duration,
}

/// All of it.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) session: Session,
    pub(crate) transport: Transport,
    pub(crate) source: Source,
}

impl Options {
    /// Reads and checks the flags that credential commands share.
    ///
    /// # Errors
    /// When something is missing or makes no sense.
    pub(crate) fn read(values: &Values, log: &Log) -> Result<Self, OptionsError> {
        let session = session(values)?;
        let region = &session.region;
        let endpoint = Endpoint::find(values.some_text("endpoint"), region, &|name| {
            std::env::var(name).ok()
        })?;
        let timeout = in_range(values, "request-timeout", 1, 3600, "between 1 and 3600")?;
        Ok(Self {
            transport: Transport {
                endpoint,
                verify: !values.on("no-verify-ssl"),
                timeout: Duration::from_secs(timeout.unsigned_abs()),
            },
            source: Source::read(values, log)?,
            session,
        })
    }
}

fn session(values: &Values) -> Result<Session, OptionsError> {
    let mut mistakes = Vec::new();
    let mut arn = |flag: &str| {
        let text = values.text(flag);
        let arn = Arn::parse(text);
        if arn.is_none() {
            mistakes.push(match text {
                "" => format!("--{flag} is missing"),
                _ => format!(
                    "--{flag} {text:?} is no ARN (arn:partition:service:region:account:resource)"
                ),
            });
        }
        arn
    };
    let (role, profile, trust_anchor) =
        (arn("role-arn"), arn("profile-arn"), arn("trust-anchor-arn"));
    let (Some(role), Some(profile), Some(trust_anchor)) = (role, profile, trust_anchor) else {
        return Err(OptionsError::Arns(mistakes));
    };
    if trust_anchor.region != profile.region {
        return Err(OptionsError::Arns(vec![format!(
            "trust anchor and profile regions don't match: {:?} and {:?}",
            trust_anchor.region, profile.region
        )]));
    }
    let region = values.some_text("region").unwrap_or(&trust_anchor.region);
    if region.is_empty() {
        let text = "--trust-anchor-arn names no region: give --region";
        return Err(OptionsError::Arns(vec![text.to_owned()]));
    }
    let seconds = in_range(
        values,
        "session-duration",
        1,
        i64::from(i32::MAX),
        "positive",
    )?;
    Ok(Session {
        region: region.to_owned(),
        seconds,
        name: values.some_text("role-session-name").map(str::to_owned),
        role,
        profile,
        trust_anchor,
    })
}

/// The value of a number flag, if it lies between `least` and `most`.
///
/// # Errors
/// When it does not.
pub(crate) fn in_range(
    values: &Values,
    flag: &'static str,
    least: i64,
    most: i64,
    range: &'static str,
) -> Result<i64, OptionsError> {
    let value = values.int(flag);
    if (least..=most).contains(&value) {
        return Ok(value);
    }
    Err(OptionsError::Range { flag, range, value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns() {
        let arn = Arn::parse("arn:aws:iam::012345678901:role/path/to/test").unwrap();
        assert_eq!(arn.name(), "test");
        assert_eq!(arn.region, "");
        let arn = Arn::parse("arn:aws:rolesanywhere:us-east-1:1:profile/7378:69").unwrap();
        assert_eq!((arn.region.as_str(), arn.name()), ("us-east-1", "7378:69"));
        for text in ["", "arn", "arn:aws:iam::1", "urn:aws:iam::1:role/x"] {
            assert_eq!(Arn::parse(text), None, "{text}");
        }
    }
}
