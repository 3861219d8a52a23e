//! BundlePublisher `aws_s3`: the bundle becomes an object in a bucket. The only call is PutObject.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use aws_sdk_s3::{Client, config::Builder, primitives::ByteStream};
use steeple_hcl::Kind;
use steeple_plugin_sdk::{
    PluginError,
    builtin::Configured,
    bundlepublisher::BundlePublisher,
    config::{CoreConfig, PluginData},
};
use steeple_spiffe::Bundle;

use crate::{
    access::{Access, required, text},
    failure::failed,
};

/// Its name in the configuration.
pub const NAME: &str = "aws_s3";

/// Who reads bundles does not look more often than this.
const SHORTEST_HINT: Duration = Duration::from_secs(60);
/// From here on a change that nobody planned takes long to be seen.
const LONG_HINT: Duration = Duration::from_secs(24 * 3600);

#[derive(Clone, Copy, Debug)]
enum Format {
    Jwks,
    Pem,
    Spiffe,
}

/// Where the bundle goes, and in which form.
struct Target {
    bucket: String,
    object_key: String,
    format: Format,
    /// In seconds; `None` leaves the bundle's own.
    refresh_hint: Option<i64>,
}

struct Bucket {
    client: Client,
    target: Target,
}

/// Reads where the bundle goes, and how to get at it.
pub fn configure(_: &CoreConfig, data: &PluginData<'_>) -> Option<Configured<dyn BundlePublisher>> {
    let access = Access::read(data);
    let region = access.require_region(data);
    let bucket = required(data, "bucket", "configuration is missing the bucket name");
    let object_key = required(
        data,
        "object_key",
        "configuration is missing the object key",
    );
    let format = format(data);
    let refresh_hint = refresh_hint(data);
    let endpoint = endpoint(data);
    region?;
    let target = Target {
        bucket: bucket?,
        object_key: object_key?,
        format: format?,
        refresh_hint,
    };
    Some(Configured::new(async move {
        let mut config = Builder::from(&access.sdk_config().await);
        if let Some(endpoint) = endpoint {
            // What is not Amazon's rarely has a name for each bucket.
            config = config.endpoint_url(endpoint).force_path_style(true);
        }
        let client = Client::from_conf(config.build());
        let plugin: Arc<dyn BundlePublisher> = Arc::new(Bucket { client, target });
        Ok(plugin)
    }))
}

fn format(data: &PluginData<'_>) -> Option<Format> {
    let name = required(data, "format", "configuration is missing the bundle format")?;
    let format = match name.to_lowercase().as_str() {
        "jwks" => Some(Format::Jwks),
        "pem" => Some(Format::Pem),
        "spiffe" => Some(Format::Spiffe),
        _ => None,
    };
    if format.is_none() {
        data.problem(
            "format",
            format!("bundle format {name:?} is not supported; there are jwks, pem, spiffe"),
        );
    }
    format
}

fn refresh_hint(data: &PluginData<'_>) -> Option<i64> {
    let hint = data.duration("refresh_hint")?;
    if hint >= LONG_HINT {
        data.warn(
            "refresh_hint",
            "is high; to cover unscheduled changes of the bundle a smaller value is better, such \
             as 5m",
        );
    } else if hint < SHORTEST_HINT {
        data.warn("refresh_hint", "nobody looks more often than once a minute");
    }
    i64::try_from(hint.as_secs()).ok().filter(|hint| *hint > 0)
}

fn endpoint(data: &PluginData<'_>) -> Option<String> {
    let endpoint = text(data, "endpoint")?;
    if !endpoint.starts_with("http://") && !endpoint.starts_with("https://") {
        let text = format!("{endpoint:?} is no URL; it begins with http:// or https://");
        data.tell("endpoint", text, Kind::BadValue);
    }
    Some(endpoint)
}

impl Target {
    fn form(&self, bundle: &Bundle) -> Result<String, PluginError> {
        let mut bundle = bundle.clone();
        bundle.refresh_hint = self.refresh_hint.unwrap_or(bundle.refresh_hint);
        let text = match self.format {
            Format::Jwks => bundle.to_jwks_json(),
            Format::Pem => Ok(bundle.to_pem()),
            Format::Spiffe => bundle.to_spiffe_json(),
        };
        text.map_err(|error| {
            PluginError::InvalidArgument(format!("could not format bundle: {error}"))
        })
    }
}

#[async_trait]
impl BundlePublisher for Bucket {
    async fn publish(&self, bundle: &Bundle) -> Result<(), PluginError> {
        let Target {
            bucket, object_key, ..
        } = &self.target;
        let body = ByteStream::from(self.target.form(bundle)?.into_bytes());
        let call = self.client.put_object().bucket(bucket).key(object_key);
        let what = || format!("failed to put object {object_key} into bucket {bucket}");
        call.body(body)
            .send()
            .await
            .map_err(|error| failed(&what(), &error))?;
        tracing::debug!(
            external = false,
            plugin_name = NAME,
            plugin_type = "BundlePublisher",
            subsystem_name = NAME,
            "Bundle published"
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests;
