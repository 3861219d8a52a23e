use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_sdk_secretsmanager::{
    Client, Config,
    config::{BehaviorVersion, Credentials, Region, retry::RetryConfig},
};
use serde_json::json;
use steeple_plugin_sdk::{
    PluginError, conformance,
    upstreamauthority::{UpstreamAuthority as _, held::HeldAuthority},
};
use steeple_spiffe::{
    key::{KeyType, PrivateKey},
    pem::{certificates_to_pem, private_key_to_pem},
    x509::{CertificateDraft, NameBuilder, Serial, extension},
};

use super::{Names, Secrets, configure};
use crate::double::{self, Call, Double, core};

type Vault = Arc<Mutex<HashMap<String, String>>>;

/// A key and a self-signed certificate for it, as PEM.
fn root(name: &str, key_type: KeyType) -> (String, String) {
    let key = PrivateKey::generate(key_type).unwrap();
    let subject = NameBuilder {
        common_name: name.to_owned(),
        ..NameBuilder::us("Site")
    };
    let subject = subject.to_der().unwrap();
    let now = core().clock.now();
    let draft = CertificateDraft {
        serial: Serial::from_be_bytes(&[7]),
        issuer: subject.clone(),
        subject,
        not_before: now - Duration::from_secs(60),
        not_after: now + Duration::from_secs(360_000),
        public_key: key.public_key_der().to_vec(),
        extensions: vec![
            extension::ca_key_usage().unwrap(),
            extension::basic_constraints(true).unwrap(),
            extension::subject_key_id(name.as_bytes()).unwrap(),
        ],
    };
    let unsigned = draft.prepare(key.x509_scheme()).unwrap();
    let signature = key.sign(unsigned.scheme(), unsigned.message()).unwrap();
    let der = unsigned.finish(&signature).unwrap();
    let key = private_key_to_pem(key.pkcs8_der()).to_string();
    (key, certificates_to_pem(&[der]))
}

/// Secrets Manager as far as it is used.
fn answer(vault: &Vault, call: &Call) -> (u16, String) {
    let asked: serde_json::Value = serde_json::from_str(&call.body).unwrap();
    let name = asked["SecretId"].as_str().unwrap();
    match vault.lock().unwrap().get(name) {
        Some(value) => (200, json!({"ARN": name, "SecretString": value}).to_string()),
        None => {
            let text = "Secrets Manager can't find the specified secret.";
            let error = json!({"__type": "ResourceNotFoundException", "message": text});
            (400, error.to_string())
        }
    }
}

async fn world() -> (Vault, Double) {
    let vault = Vault::default();
    put(&vault, "arn:key", "arn:cert", "root", KeyType::Rsa2048);
    let behind = Arc::clone(&vault);
    (
        vault,
        Double::start(move |call| answer(&behind, call)).await,
    )
}

fn put(vault: &Vault, key: &str, cert: &str, name: &str, key_type: KeyType) {
    let (key_pem, cert_pem) = root(name, key_type);
    let mut vault = vault.lock().unwrap();
    vault.insert(key.to_owned(), key_pem);
    vault.insert(cert.to_owned(), cert_pem);
}

fn secrets(double: &Double, key: &str) -> Secrets {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("AKID", "secret", None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .endpoint_url(&double.url)
        .build();
    Secrets {
        client: Client::from_conf(config),
        names: Names {
            certificate: "arn:cert".to_owned(),
            key: key.to_owned(),
            bundle: None,
        },
    }
}

#[tokio::test]
async fn conforms_and_asks_for_nothing_but_the_values() {
    let (_vault, double) = world().await;
    let secrets = secrets(&double, "arn:key");
    let plugin = HeldAuthority::open(core(), secrets).await.unwrap();
    conformance::upstream_authority(&plugin, &core().trust_domain, core().clock.now()).await;
    let calls = double.calls();
    assert!(
        calls.len() >= 4,
        "at the start and for each CA: {}",
        calls.len()
    );
    for call in calls {
        assert_eq!(call.target, "secretsmanager.GetSecretValue");
        let signed = call
            .authorization
            .starts_with("AWS4-HMAC-SHA256 Credential=AKID/");
        assert!(signed, "{}", call.authorization);
    }
}

#[tokio::test]
async fn a_secret_that_does_not_fit_is_named() {
    let (vault, double) = world().await;
    let refusal = async |key: &str| {
        let opened = HeldAuthority::open(core(), secrets(&double, key)).await;
        opened.map(drop).unwrap_err()
    };
    HeldAuthority::open(core(), secrets(&double, "arn:key"))
        .await
        .map(drop)
        .unwrap();

    let error = refusal("arn:gone").await;
    assert_eq!(
        error.to_string(),
        "unable to read arn:gone: ResourceNotFoundException: Secrets Manager can't find the \
         specified secret."
    );
    put(&vault, "arn:other", "arn:unused", "other", KeyType::EcP256);
    let error = refusal("arn:other").await;
    assert!(matches!(error, PluginError::InvalidArgument(_)));
    assert!(
        error
            .to_string()
            .contains("certificate arn:cert and private key arn:other do not match"),
        "{error}"
    );
    vault
        .lock()
        .unwrap()
        .insert("arn:key".to_owned(), "no key at all".to_owned());
    let error = refusal("arn:key").await;
    assert!(
        error.to_string().contains("upstream CA key arn:key"),
        "{error}"
    );
}

#[tokio::test]
async fn a_new_root_is_taken_without_a_restart_and_an_outage_is_survived() {
    let (vault, double) = world().await;
    let secrets = secrets(&double, "arn:key");
    let plugin = HeldAuthority::open(core(), secrets).await.unwrap();
    put(&vault, "arn:key", "arn:cert", "new", KeyType::EcP256);
    conformance::upstream_authority(&plugin, &core().trust_domain, core().clock.now()).await;
    vault.lock().unwrap().clear();
    conformance::upstream_authority(&plugin, &core().trust_domain, core().clock.now()).await;
    drop(double);
    assert!(
        plugin.mint_x509_ca(b"garbage", None).await.is_err(),
        "still refuses"
    );
}

#[test]
fn every_mistake_in_the_configuration_is_told() {
    let (configured, told) = double::configure(
        configure,
        r#"region = "us-east-1",
           cert_file_arn = "arn:a",
           key_file_arn = "arn:b" bundle_file_arn = "arn:c"
           access_key_id = "a" secret_access_key = "b" secret_token = "c"
           assume_role_arn = "arn:d""#,
    );
    assert!(configured && told.is_empty(), "{told:?}");

    let (configured, told) = double::configure(configure, "key_file_arn = \"${key_arn}\"");
    let told = told.join("\n");
    assert!(!configured);
    for part in [
        "configuration missing 'cert_file_arn' value",
        "\"${key_arn}\" is a template variable",
    ] {
        assert!(told.contains(part), "{part} is missing from:\n{told}");
    }
    let text = "cert_file_arn = \"a\" key_file_arn = \"b\" access_key_id = \"c\"";
    let (configured, told) = double::configure(configure, text);
    assert!(configured && told.len() == 1, "{told:?}");
}
