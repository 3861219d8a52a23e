//! What IAM Roles Anywhere gives: temporary credentials.

use std::{fmt, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Temporary credentials. `Debug` shows no secret.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Credentials {
    /// The public half.
    pub(crate) access_key_id: String,
    /// The secret half.
    pub(crate) secret_access_key: String,
    /// What makes them temporary.
    pub(crate) session_token: String,
    /// When they end, as the service wrote it.
    pub(crate) expiration_text: String,
    /// When they end.
    pub(crate) expiration: Timestamp,
    /// When they were obtained.
    pub(crate) obtained: Timestamp,
}

impl Credentials {
    /// How long they last from `now` on; zero when they have ended.
    pub(crate) fn left(&self, now: Timestamp) -> Duration {
        Duration::try_from(self.expiration.duration_since(now)).unwrap_or(Duration::ZERO)
    }

    /// How long before their end they should be replaced: `wanted`, but not more than half of what
    /// they were given.
    pub(crate) fn margin(&self, wanted: Duration) -> Duration {
        wanted.min(self.left(self.obtained) / 2)
    }

    /// What the AWS CLI and the SDKs read from a credential process: one line without its end.
    pub(crate) fn to_process_output(&self) -> Result<String, serde_json::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Output<'a> {
            version: u8,
            access_key_id: &'a str,
            secret_access_key: &'a str,
            session_token: &'a str,
            expiration: &'a str,
        }
        serde_json::to_string(&Output {
            version: 1,
            access_key_id: &self.access_key_id,
            secret_access_key: &self.secret_access_key,
            session_token: &self.session_token,
            expiration: &self.expiration_text,
        })
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("access_key_id", &self.access_key_id)
            .field("expiration", &self.expiration_text)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn sample(obtained: &str, expiration: &str) -> Credentials {
        Credentials {
            access_key_id: "ASIA1".to_owned(),
            secret_access_key: "secret/+".to_owned(),
            session_token: "token==".to_owned(),
            expiration_text: expiration.to_owned(),
            expiration: expiration.parse().unwrap(),
            obtained: obtained.parse().unwrap(),
        }
    }

    #[test]
    fn the_process_output_is_one_line_in_the_known_order() {
        let credentials = sample("2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z");
        assert_eq!(
            credentials.to_process_output().unwrap(),
            r#"{"Version":1,"AccessKeyId":"ASIA1","SecretAccessKey":"secret/+","SessionToken":"token==","Expiration":"2026-01-01T01:00:00Z"}"#
        );
        assert!(!format!("{credentials:?}").contains("secret/+"));
    }

    #[test]
    fn the_margin_is_at_most_half_a_life() {
        let long = sample("2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z");
        let short = sample("2026-01-01T00:00:00Z", "2026-01-01T00:00:30Z");
        let ten = Duration::from_secs(600);
        assert_eq!(long.margin(ten), ten);
        assert_eq!(short.margin(ten), Duration::from_secs(15));
        assert_eq!(short.left(long.expiration), Duration::ZERO);
    }
}
