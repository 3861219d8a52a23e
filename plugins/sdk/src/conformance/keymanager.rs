//! Obligations of a KeyManager.

use steeple_spiffe::{
    key::{PublicKeyKind, SignatureScheme},
    keyid,
};

use crate::{
    PluginError,
    keymanager::{KeyInfo, KeyManager, KeyType},
};

/// Says whether a signature is right: public key (SubjectPublicKeyInfo), scheme, message, signature.
pub type Verify = dyn Fn(&[u8], SignatureScheme, &[u8], &[u8]) -> bool + Sync;

/// Checks a KeyManager that holds no keys yet. `verify` is a parameter so that the suite needs no
/// cryptography of its own.
pub async fn key_manager(manager: &dyn KeyManager, verify: &Verify) {
    assert_eq!(
        listed(manager).await,
        [],
        "a fresh key manager holds no keys"
    );
    for key_type in [KeyType::EcP256, KeyType::EcP384, KeyType::Rsa2048] {
        every_scheme(manager, key_type, verify).await;
    }
    replaces(manager).await;
    lists_in_order(manager).await;
    refuses(manager).await;
    concurrent(manager, verify).await;
}

async fn listed(manager: &dyn KeyManager) -> Vec<KeyInfo> {
    manager.keys().await.expect("keys are listed")
}

async fn generated(manager: &dyn KeyManager, id: &str, key_type: KeyType) -> KeyInfo {
    let key = manager
        .generate(id, key_type)
        .await
        .expect("a key is generated");
    assert_eq!(
        (key.id.as_str(), key.key_type),
        (id, key_type),
        "the key is what was asked for"
    );
    let kind = PublicKeyKind::of(&key.public_key).expect("a SubjectPublicKeyInfo");
    assert_eq!(
        kind.key_type(),
        Some(key_type),
        "the public key is of the type asked for"
    );
    key
}

async fn every_scheme(manager: &dyn KeyManager, key_type: KeyType, verify: &Verify) {
    let key = generated(manager, "scheme", key_type).await;
    let schemes: &[SignatureScheme] = match key_type {
        KeyType::EcP256 => &[SignatureScheme::EcdsaSha256],
        KeyType::EcP384 => &[SignatureScheme::EcdsaSha384],
        KeyType::Rsa2048 | KeyType::Rsa4096 => &[
            SignatureScheme::RsaPkcs1Sha256,
            SignatureScheme::RsaPkcs1Sha384,
            SignatureScheme::RsaPssSha256,
        ],
    };
    for scheme in schemes {
        let signature = manager
            .sign("scheme", *scheme, b"message")
            .await
            .expect("it signs");
        assert!(
            verify(&key.public_key, *scheme, b"message", &signature),
            "{scheme:?} with {key_type:?} verifies"
        );
        assert!(
            !verify(&key.public_key, *scheme, b"another", &signature),
            "{scheme:?} with {key_type:?} is over the message"
        );
    }
}

async fn replaces(manager: &dyn KeyManager) {
    let first = generated(manager, "replaced", KeyType::EcP256).await;
    let second = generated(manager, "replaced", KeyType::EcP256).await;
    assert_ne!(
        keyid::authority_id(&first.public_key),
        keyid::authority_id(&second.public_key),
        "generating again makes another key"
    );
    let kept: Vec<_> = listed(manager)
        .await
        .into_iter()
        .filter(|k| k.id == "replaced")
        .collect();
    assert_eq!(kept, [second], "only the newest key stays under an id");
}

async fn lists_in_order(manager: &dyn KeyManager) {
    generated(manager, "b", KeyType::EcP256).await;
    generated(manager, "a", KeyType::EcP256).await;
    let ids: Vec<String> = listed(manager)
        .await
        .into_iter()
        .map(|key| key.id)
        .collect();
    assert!(ids.is_sorted(), "keys are listed by id, not {ids:?}");
    assert!(
        ["a", "b"]
            .iter()
            .all(|id| ids.iter().any(|known| known == id)),
        "all are listed"
    );
}

async fn refuses(manager: &dyn KeyManager) {
    let signed = manager
        .sign("no-such-key", SignatureScheme::EcdsaSha256, b"message")
        .await;
    assert!(
        matches!(signed, Err(PluginError::NotFound(_))),
        "an unknown key: {signed:?}"
    );
    let signed = manager
        .sign("a", SignatureScheme::RsaPkcs1Sha256, b"message")
        .await;
    assert!(
        matches!(signed, Err(PluginError::InvalidArgument(_))),
        "a wrong scheme: {signed:?}"
    );
    let made = manager.generate("", KeyType::EcP256).await;
    assert!(
        matches!(made, Err(PluginError::InvalidArgument(_))),
        "an empty id: {made:?}"
    );
}

async fn concurrent(manager: &dyn KeyManager, verify: &Verify) {
    let key = generated(manager, "signing", KeyType::EcP256).await;
    let (signed, made) = tokio::join!(
        manager.sign("signing", SignatureScheme::EcdsaSha256, b"message"),
        manager.generate("made-meanwhile", KeyType::EcP256),
    );
    let signature = signed.expect("signing goes on while a key is generated");
    assert!(verify(
        &key.public_key,
        SignatureScheme::EcdsaSha256,
        b"message",
        &signature
    ));
    made.expect("generating goes on while something is signed");
}
