use aws_sdk_rolesanywhere::{
    Client, Config,
    config::{BehaviorVersion, Credentials, Region, retry::RetryConfig},
};
use serde_json::{Value, json};
use steeple_plugin_sdk::{PluginError, bundlepublisher::BundlePublisher as _, conformance};
use steeple_spiffe::{Bundle, X509Authority};

use super::{TrustAnchor, configure};
use crate::double::{self, Double, core};

fn anchor(double: &Double) -> TrustAnchor {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("AKID", "secret", None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .endpoint_url(&double.url)
        .build();
    TrustAnchor {
        client: Client::from_conf(config),
        id: "0d4a".to_owned(),
    }
}

fn bundle(roots: usize, length: usize) -> Bundle {
    let root = |n: usize| X509Authority {
        der: vec![u8::try_from(n).unwrap(); length],
        tainted: false,
    };
    Bundle {
        x509_authorities: (0..roots).map(root).collect(),
        ..Bundle::empty("example.org".parse().unwrap())
    }
}

#[tokio::test]
async fn conforms_and_only_updates() {
    let detail = json!({"trustAnchor": {"trustAnchorArn": "arn:anchor", "name": "iamra"}});
    let double = Double::start(move |_| (200, detail.to_string())).await;
    let core = core();
    let publisher = anchor(&double);
    let last =
        conformance::bundle_publisher(&publisher, &core.trust_domain, core.clock.now()).await;
    let calls = double.calls();
    assert_eq!(calls.len(), 4);
    assert!(
        calls
            .iter()
            .all(|call| call.line == "PATCH /trustanchor/0d4a"),
        "{calls:?}"
    );
    let body: Value = serde_json::from_str(&calls[3].body).unwrap();
    assert_eq!(
        body,
        json!({"source": {
            "sourceType": "CERTIFICATE_BUNDLE",
            "sourceData": {"x509CertificateData": last.to_pem()},
        }})
    );
}

#[tokio::test]
async fn what_the_service_cannot_hold_is_said_before_or_after_the_call() {
    let quota = json!({"message": "certificate count exceeded"}).to_string();
    let double = Double::start(move |_| (400, quota.clone())).await;
    let publisher = anchor(&double);

    let error = publisher.publish(&bundle(2, 4000)).await.unwrap_err();
    assert!(matches!(error, PluginError::InvalidArgument(_)));
    assert!(error.to_string().starts_with("bundle too large"), "{error}");
    let error = publisher.publish(&bundle(0, 0)).await.unwrap_err();
    assert!(matches!(error, PluginError::InvalidArgument(_)));
    assert!(double.calls().is_empty(), "the service was spared");

    let error = publisher.publish(&bundle(3, 500)).await.unwrap_err();
    assert!(matches!(error, PluginError::Internal(_)), "tried again");
    let text = error.to_string();
    assert!(
        text.contains("failed to update trust anchor 0d4a"),
        "{text}"
    );
    assert!(text.contains("has 3 X.509 authorities"), "{text}");
    let error = publisher.publish(&bundle(2, 500)).await.unwrap_err();
    assert!(!error.to_string().contains("quota was raised"), "{error}");
}

#[test]
fn every_mistake_in_the_configuration_is_told() {
    let text = r#"region = "us-east-1" trust_anchor_id = "0d4a""#;
    let (configured, told) = double::configure(configure, text);
    assert!(configured && told.is_empty(), "{told:?}");
    let (configured, told) = double::configure(configure, "trust_anchor = \"x\"");
    let told = told.join("\n");
    assert!(!configured);
    for part in [
        "configuration is missing the region",
        "configuration is missing the trust anchor id",
        "did you mean \"trust_anchor_id\"?",
    ] {
        assert!(told.contains(part), "{part} is missing from:\n{told}");
    }
}
