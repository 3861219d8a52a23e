//! UpstreamAuthority `awssecret`: a CA key and certificate in Secrets Manager sign the server's CA.
//! The only call is GetSecretValue.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_secretsmanager::Client;
use steeple_plugin_sdk::{
    PluginError,
    builtin::Configured,
    config::{CoreConfig, PluginData},
    upstreamauthority::{
        UpstreamAuthority,
        held::{CaSource, Document, Documents, HeldAuthority, HeldCa, blocking},
    },
};
use zeroize::Zeroizing;

use crate::{
    access::{Access, required, text},
    failure::failed,
};

/// Its name in the configuration.
pub const NAME: &str = "awssecret";

/// The secrets, by ARN or name.
#[derive(Clone)]
struct Names {
    certificate: String,
    key: String,
    bundle: Option<String>,
}

struct Secrets {
    client: Client,
    names: Names,
}

/// Reads where the secrets are, and how to get at them.
pub fn configure(
    core: &CoreConfig,
    data: &PluginData<'_>,
) -> Option<Configured<dyn UpstreamAuthority>> {
    let access = Access::read(data).read_session(data);
    let secret = |key: &str| {
        let words = format!("configuration missing '{key}' value");
        required(data, key, &words)
    };
    let (certificate, key) = (secret("cert_file_arn"), secret("key_file_arn"));
    let names = Names {
        bundle: text(data, "bundle_file_arn"),
        certificate: certificate?,
        key: key?,
    };
    let core = core.clone();
    Some(Configured::new(async move {
        let client = Client::new(&access.sdk_config().await);
        let secrets = Secrets { client, names };
        let plugin: Arc<dyn UpstreamAuthority> =
            Arc::new(HeldAuthority::open(core, secrets).await?);
        Ok(plugin)
    }))
}

impl Secrets {
    async fn get(&self, name: &str) -> Result<Zeroizing<Vec<u8>>, PluginError> {
        let call = self.client.get_secret_value().secret_id(name).send();
        let answer = call
            .await
            .map_err(|error| failed(&format!("unable to read {name}"), &error))?;
        let text = answer.secret_string.map(String::into_bytes);
        let binary = || answer.secret_binary.map(|blob| blob.into_inner());
        text.or_else(binary).map(Zeroizing::new).ok_or_else(|| {
            PluginError::InvalidArgument(format!("unable to read {name}: the secret has no value"))
        })
    }
}

#[async_trait]
impl CaSource for Secrets {
    async fn read(&self, core: &CoreConfig) -> Result<HeldCa, PluginError> {
        let key = self.get(&self.names.key).await?;
        let certificate = self.get(&self.names.certificate).await?;
        let bundle = match &self.names.bundle {
            Some(name) => Some(self.get(name).await?),
            None => None,
        };
        let (core, names) = (core.clone(), self.names.clone());
        blocking(move || {
            let bundle_name = names.bundle.as_deref().unwrap_or_default();
            let documents = Documents {
                certificate: document(&names.certificate, &certificate),
                key: document(&names.key, &key),
                bundle: bundle.as_ref().map(|pem| document(bundle_name, pem)),
                bundle_setting: "bundle_file_arn",
            };
            HeldCa::read(&documents, &core)
                .map_err(|error| PluginError::InvalidArgument(error.to_string()))
        })
        .await
    }
}

fn document<'a>(name: &'a str, pem: &'a [u8]) -> Document<'a> {
    Document { name, pem }
}

#[cfg(test)]
mod tests;
