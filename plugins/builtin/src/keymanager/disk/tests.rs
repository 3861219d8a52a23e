use std::{fs, os::unix::fs::PermissionsExt as _};

use steeple_plugin_sdk::{
    conformance,
    keymanager::{KeyType, SignatureScheme},
};

use super::{super::verifies, open};

/// Written by Go as SPIRE writes it; the keys were made for this test and are used nowhere.
const GO_FILE: &str = include_str!("go-keys.json");

#[tokio::test]
async fn conforms() {
    let folder = tempfile::tempdir().unwrap();
    let manager = open(folder.path().join("keys.json")).await.unwrap();
    conformance::key_manager(&*manager, &verifies).await;
}

#[tokio::test]
async fn keys_are_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    let manager = open(path.clone()).await.unwrap();
    let key = manager
        .generate("x509-CA-A", KeyType::EcP256)
        .await
        .unwrap();
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let again = open(path).await.unwrap();
    assert_eq!(again.keys().await.unwrap(), std::slice::from_ref(&key));
    let scheme = SignatureScheme::EcdsaSha256;
    let signature = again.sign("x509-CA-A", scheme, b"message").await.unwrap();
    assert!(verifies(&key.public_key, scheme, b"message", &signature));
}

#[tokio::test]
async fn reads_and_writes_the_format_of_spire() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    fs::write(&path, GO_FILE).unwrap();
    let manager = open(path.clone()).await.unwrap();
    let before = manager.keys().await.unwrap();
    let ids: Vec<&str> = before.iter().map(|key| key.id.as_str()).collect();
    assert_eq!(ids, ["JWT-Signer-A", "WIT-Signer-A", "x509-CA-A"]);
    manager
        .generate("x509-CA-B", KeyType::EcP256)
        .await
        .unwrap();
    let written = fs::read_to_string(&path).unwrap();
    // What was there is written again byte for byte.
    for line in GO_FILE.lines().filter(|line| line.contains("-A\"")) {
        let line = line.trim_end_matches(',');
        assert!(
            written
                .lines()
                .any(|other| other.trim_end_matches(',') == line),
            "{line}"
        );
    }
    let shape = |text: &str| {
        (
            text.starts_with("{\n\t\"keys\": {\n\t\t\""),
            text.ends_with("\"\n\t}\n}"),
        )
    };
    assert_eq!(shape(&written), shape(GO_FILE));
    assert_eq!(shape(GO_FILE), (true, true));
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_named_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    for content in [
        "",
        "garbage",
        "{\"keys\":",
        "{\"keys\":{\"a\":\"!\"}}",
        "{\"keys\":{\"a\":\"AAAA\"}}",
    ] {
        fs::write(&path, content).unwrap();
        let error = open(path.clone()).await.map(drop).unwrap_err().to_string();
        assert!(
            error.contains("keys.json") && error.contains("restore it"),
            "{error}"
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), content, "untouched");
    }
}

#[tokio::test]
async fn a_key_that_cannot_be_written_is_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("missing").join("keys.json");
    let manager = open(path.clone()).await.unwrap();
    let error = manager
        .generate("a", KeyType::EcP256)
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("unable to write entries"), "{error}");
    assert_eq!(manager.keys().await.unwrap(), []);
    fs::create_dir(folder.path().join("missing")).unwrap();
    manager.generate("a", KeyType::EcP256).await.unwrap();
    assert_eq!(manager.keys().await.unwrap().len(), 1);
}
