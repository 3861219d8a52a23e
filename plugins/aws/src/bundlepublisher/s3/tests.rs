use aws_sdk_s3::{
    Client, Config,
    config::{BehaviorVersion, Credentials, Region, retry::RetryConfig},
};
use steeple_plugin_sdk::{PluginError, bundlepublisher::BundlePublisher as _, conformance};
use steeple_spiffe::Bundle;

use super::{Bucket, Format, Target, configure};
use crate::double::{self, Double, core};

fn bucket(double: &Double, format: Format) -> Bucket {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("AKID", "secret", None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .endpoint_url(&double.url)
        .force_path_style(true)
        .build();
    Bucket {
        client: Client::from_conf(config),
        target: Target {
            bucket: "bundles".to_owned(),
            object_key: "example.org/bundle".to_owned(),
            format,
            refresh_hint: Some(300),
        },
    }
}

#[tokio::test]
async fn conforms_in_each_form_and_only_puts() {
    let core = core();
    for format in [Format::Jwks, Format::Pem, Format::Spiffe] {
        let double = Double::start(|_| (200, String::new())).await;
        let publisher = bucket(&double, format);
        let mut last =
            conformance::bundle_publisher(&publisher, &core.trust_domain, core.clock.now()).await;
        last.refresh_hint = 300;
        let expected = match format {
            Format::Jwks => last.to_jwks_json().unwrap(),
            Format::Pem => last.to_pem(),
            Format::Spiffe => last.to_spiffe_json().unwrap(),
        };
        let calls = double.calls();
        let line = "PUT /bundles/example.org/bundle";
        assert!(calls.iter().all(|call| call.line == line), "{calls:?}");
        assert_eq!(calls.last().unwrap().body, expected, "{format:?}");
    }
}

#[tokio::test]
async fn a_refusal_names_the_object() {
    let text = "<Error><Code>AccessDenied</Code><Message>not yours</Message></Error>";
    let double = Double::start(move |_| (403, text.to_owned())).await;
    let bundle = Bundle::empty("example.org".parse().unwrap());
    let error = bucket(&double, Format::Pem)
        .publish(&bundle)
        .await
        .unwrap_err();
    assert!(matches!(error, PluginError::Internal(_)), "{error:?}");
    assert_eq!(
        error.to_string(),
        "failed to put object example.org/bundle into bucket bundles: AccessDenied: not yours"
    );
}

#[test]
fn every_mistake_in_the_configuration_is_told() {
    let text = r#"region = "us-east-1" bucket = "b" object_key = "k" format = "SPIFFE"
                  endpoint = "http://127.0.0.1:9000" refresh_hint = "5m""#;
    let (configured, told) = double::configure(configure, text);
    assert!(configured && told.is_empty(), "{told:?}");
    let (configured, told) = double::configure(configure, "format = \"der\" endpoint = \"x\"");
    let told = told.join("\n");
    assert!(!configured);
    for part in [
        "configuration is missing the region",
        "configuration is missing the bucket name",
        "configuration is missing the object key",
        "bundle format \"der\" is not supported; there are jwks, pem, spiffe",
        "\"x\" is no URL",
    ] {
        assert!(told.contains(part), "{part} is missing from:\n{told}");
    }
}
