//! How a plugin reaches AWS: the region, and whose credentials it uses.

use std::{env, time::Duration};

use aws_config::{
    BehaviorVersion, Region, SdkConfig, sts::AssumeRoleProvider, timeout::TimeoutConfig,
};
use aws_sdk_secretsmanager::config::Credentials;
use steeple_hcl::Kind;
use steeple_plugin_sdk::config::PluginData;
use zeroize::Zeroizing;

/// One try of one call.
const LONGEST_TRY: Duration = Duration::from_secs(10);
/// A call with all its tries.
const LONGEST_CALL: Duration = Duration::from_secs(30);
/// The source of credentials that stand in the configuration, for the SDK's own messages.
const CONFIGURED: &str = "plugin_data";
/// What CloudTrail calls us when a role is assumed.
const SESSION_NAME: &str = "spire-server";

/// Read from `plugin_data`; nothing has been contacted.
#[derive(Clone)]
pub(crate) struct Access {
    region: Option<String>,
    keys: Option<Keys>,
    assume_role: Option<String>,
}

#[derive(Clone)]
struct Keys {
    id: Zeroizing<String>,
    secret: Zeroizing<String>,
    token: Option<Zeroizing<String>>,
}

impl Access {
    /// Reads `region`, `access_key_id` and `secret_access_key`.
    pub(crate) fn read(data: &PluginData<'_>) -> Self {
        let (id, secret) = (text(data, "access_key_id"), text(data, "secret_access_key"));
        if id.is_some() != secret.is_some() {
            data.warn(
                "access_key_id",
                "access_key_id and secret_access_key count only together; the credentials come \
                 from the environment",
            );
        }
        let keys = id.zip(secret).map(|(id, secret)| Keys {
            id: id.into(),
            secret: secret.into(),
            token: None,
        });
        Self {
            region: text(data, "region"),
            keys,
            assume_role: None,
        }
    }

    /// Reads `secret_token` and `assume_role_arn` besides.
    pub(crate) fn read_session(mut self, data: &PluginData<'_>) -> Self {
        let token = text(data, "secret_token").or_else(|| env::var("AWS_SESSION_TOKEN").ok());
        if let Some(keys) = &mut self.keys {
            keys.token = token.filter(|token| !token.is_empty()).map(Into::into);
        }
        self.assume_role = text(data, "assume_role_arn");
        self
    }

    /// Tells when `region` is not there.
    pub(crate) fn require_region(&self, data: &PluginData<'_>) -> Option<()> {
        if self.region.is_none() {
            data.tell(
                "region",
                "configuration is missing the region",
                Kind::Missing,
            );
        }
        self.region.as_ref().map(drop)
    }

    /// What the SDK makes of it together with its environment.
    pub(crate) async fn sdk_config(&self) -> SdkConfig {
        let limits = TimeoutConfig::builder()
            .operation_attempt_timeout(LONGEST_TRY)
            .operation_timeout(LONGEST_CALL)
            .build();
        let mut loader = aws_config::defaults(BehaviorVersion::latest()).timeout_config(limits);
        if let Some(region) = &self.region {
            loader = loader.region(Region::new(region.clone()));
        }
        if let Some(keys) = &self.keys {
            loader = loader.credentials_provider(keys.credentials());
        }
        let config = loader.load().await;
        let Some(role) = &self.assume_role else {
            return config;
        };
        let assumed = AssumeRoleProvider::builder(role)
            .session_name(SESSION_NAME)
            .configure(&config)
            .build()
            .await;
        config
            .into_builder()
            .credentials_provider(
                aws_sdk_secretsmanager::config::SharedCredentialsProvider::new(assumed),
            )
            .build()
    }
}

impl Keys {
    fn credentials(&self) -> Credentials {
        let token = self.token.as_ref().map(|token| token.to_string());
        Credentials::new(
            self.id.to_string(),
            self.secret.to_string(),
            token,
            None,
            CONFIGURED,
        )
    }
}

/// A value that is there and not empty. A template variable that nobody filled in is told: no
/// name at AWS has braces.
pub(crate) fn text(data: &PluginData<'_>, key: &str) -> Option<String> {
    let value = data.string(key).filter(|value| !value.is_empty())?;
    if value.contains("${") {
        data.problem(
            key,
            format!("{value:?} is a template variable; render the file before it is used"),
        );
    }
    Some(value)
}

/// A value that must be there, told in `words` when it is not.
pub(crate) fn required(data: &PluginData<'_>, key: &str, words: &str) -> Option<String> {
    let value = text(data, key);
    if value.is_none() {
        data.tell(key, words, Kind::Missing);
    }
    value
}
