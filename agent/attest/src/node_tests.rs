//! What a node makes of the things it finds on disk.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
};

use async_trait::async_trait;
use rustls::sign::SigningKey;
use steeple_plugin_sdk::PluginError;
use steeple_spiffe::{
    csr::VerifiedCsr,
    key::PrivateKey,
    x509::{CertificateDraft, Serial, extension},
};

use super::*;
use crate::signer::ManagedKey;

/// Keys in memory.
#[derive(Default)]
struct Keys(Mutex<BTreeMap<String, Arc<PrivateKey>>>);

impl Keys {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Arc<PrivateKey>>> {
        self.0.lock().unwrap()
    }
}

#[async_trait]
impl KeyManager for Keys {
    async fn generate(&self, id: &str, key_type: KeyType) -> Result<KeyInfo, PluginError> {
        let key = PrivateKey::generate(key_type).unwrap();
        let public_key = key.public_key_der().to_vec();
        self.lock().insert(id.to_owned(), Arc::new(key));
        Ok(KeyInfo {
            id: id.to_owned(),
            key_type,
            public_key,
        })
    }

    async fn keys(&self) -> Result<Vec<KeyInfo>, PluginError> {
        let info = |(id, key): (&String, &Arc<PrivateKey>)| KeyInfo {
            id: id.clone(),
            key_type: KeyType::EcP256,
            public_key: key.public_key_der().to_vec(),
        };
        Ok(self.lock().iter().map(info).collect())
    }

    async fn sign(
        &self,
        id: &str,
        scheme: SignatureScheme,
        message: &[u8],
    ) -> Result<Vec<u8>, PluginError> {
        let key = self.lock().get(id).cloned();
        let key = key.ok_or_else(|| PluginError::NotFound(format!("no key {id}")))?;
        Ok(key.sign(scheme, message).unwrap())
    }
}

const EPOCH: i64 = 1_700_000_000;

fn config(dir: &tempfile::TempDir, keys: &Arc<Keys>) -> NodeConfig {
    NodeConfig {
        data_dir: dir.path().to_owned(),
        server_host: "localhost".to_owned(),
        server_port: 1,
        trust_domain: TrustDomain::parse("example.org").unwrap(),
        source: BundleSource::Insecure,
        attestor: Attestor::JoinToken(None),
        key_manager: Arc::clone(keys) as Arc<dyn KeyManager>,
        rotate_at: |_, not_after| not_after,
        clock: Clock::following_tokio(Timestamp::from_second(EPOCH).unwrap()),
    }
}

/// A certificate for the key, valid for 100 s from the epoch.
fn certificate(key: &KeyInfo) -> Vec<u8> {
    let signer = PrivateKey::generate(KeyType::EcP256).unwrap();
    let name = NameBuilder::us("SPIRE").to_der().unwrap();
    let none: [&str; 0] = [];
    let id = ["spiffe://example.org/spire/agent/x"];
    let draft = CertificateDraft {
        serial: Serial::from_be_bytes(&[1]),
        issuer: name.clone(),
        subject: name,
        not_before: Timestamp::from_second(EPOCH).unwrap(),
        not_after: Timestamp::from_second(EPOCH + 100).unwrap(),
        public_key: key.public_key.clone(),
        extensions: vec![
            extension::svid_key_usage().unwrap(),
            extension::basic_constraints(false).unwrap(),
            extension::subject_alt_name(&none, &id).unwrap(),
        ],
    };
    let unsigned = draft.prepare(signer.x509_scheme()).unwrap();
    let signature = signer.sign(unsigned.scheme(), unsigned.message()).unwrap();
    unsigned.finish(&signature).unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_svid_with_its_key_is_taken_up_until_it_expires() {
    let (dir, keys) = (tempfile::tempdir().unwrap(), Arc::new(Keys::default()));
    let config = config(&dir, &keys);
    let key = config.new_key(Some("agent-svid-A")).await.unwrap();
    let data = AgentData::open(dir.path()).unwrap();
    data.store_svid(vec![certificate(&key)], true)
        .await
        .unwrap();
    let Kept::Svid(svid) = config.kept_svid(&data).await.unwrap() else {
        panic!("not taken up")
    };
    assert_eq!(svid.id.as_str(), "spiffe://example.org/spire/agent/x");
    assert_eq!(
        (svid.key_id.as_str(), svid.reattestable),
        ("agent-svid-B", true)
    );

    tokio::time::advance(Duration::from_secs(99)).await;
    let kept = config.kept_svid(&data).await.unwrap();
    assert!(
        matches!(kept, Kept::None { key_of_expired: Some(id) } if id == "agent-svid-B"),
        "a second is taken off for clocks that differ"
    );
}

#[tokio::test]
async fn an_svid_without_its_key_is_none() {
    let (dir, keys) = (tempfile::tempdir().unwrap(), Arc::new(Keys::default()));
    let config = config(&dir, &keys);
    let data = AgentData::open(dir.path()).unwrap();
    assert!(matches!(
        config.kept_svid(&data).await.unwrap(),
        Kept::None { .. }
    ));
    let key = config.new_key(None).await.unwrap();
    data.store_svid(vec![certificate(&key)], false)
        .await
        .unwrap();
    assert!(matches!(
        config.kept_svid(&data).await.unwrap(),
        Kept::Svid(_)
    ));
    config.new_key(None).await.unwrap();
    assert!(matches!(
        config.kept_svid(&data).await.unwrap(),
        Kept::None { .. }
    ));
    keys.lock().clear();
    assert!(matches!(
        config.kept_svid(&data).await.unwrap(),
        Kept::None { .. }
    ));
}

#[tokio::test]
async fn keys_alternate_so_that_the_present_one_is_never_overwritten() {
    let (dir, keys) = (tempfile::tempdir().unwrap(), Arc::new(Keys::default()));
    let config = config(&dir, &keys);
    let mut current: Option<String> = None;
    for slot in ["agent-svid-A", "agent-svid-B", "agent-svid-A"] {
        let key = config.new_key(current.as_deref()).await.unwrap();
        assert_eq!(key.id, slot);
        current = Some(key.id);
    }
}

#[tokio::test]
async fn a_request_proves_the_key_and_names_nobody() {
    let (dir, keys) = (tempfile::tempdir().unwrap(), Arc::new(Keys::default()));
    let config = config(&dir, &keys);
    let key = config.new_key(None).await.unwrap();
    let csr = VerifiedCsr::parse(&config.csr(&key).await.unwrap()).unwrap();
    assert_eq!(csr.public_key(), key.public_key);
    assert_eq!(csr.subject(), NameBuilder::us("SPIRE").to_der().unwrap());
    assert!(csr.uris().is_empty());
}

#[tokio::test]
async fn an_svid_for_another_key_is_refused() {
    let (dir, keys) = (tempfile::tempdir().unwrap(), Arc::new(Keys::default()));
    let config = config(&dir, &keys);
    let key = config.new_key(None).await.unwrap();
    let other = config.new_key(Some("agent-svid-A")).await.unwrap();
    assert!(issued(vec![certificate(&key)], &key, false).is_ok());
    assert!(issued(vec![certificate(&other)], &key, false).is_err());
    assert!(issued(Vec::new(), &key, false).is_err());
}

#[tokio::test]
async fn without_a_token_there_is_nothing_to_attest_with() {
    let (dir, keys) = (tempfile::tempdir().unwrap(), Arc::new(Keys::default()));
    let since = Timestamp::from_second(EPOCH).unwrap();
    let error = Node::start(config(&dir, &keys), 1, since)
        .await
        .unwrap_err();
    assert!(matches!(error, AttestError::NoToken), "{error}");
    assert!(error.is_final());
}

async fn signs() {
    let keys = Arc::new(Keys::default());
    let made = keys.generate("k", KeyType::EcP256).await.unwrap();
    let key = ManagedKey {
        manager: Arc::clone(&keys) as Arc<dyn KeyManager>,
        id: made.id,
    };
    let offered = [rustls::SignatureScheme::ECDSA_NISTP256_SHA256];
    assert!(
        key.choose_scheme(&[rustls::SignatureScheme::ED25519])
            .is_none()
    );
    assert!(
        !key.choose_scheme(&offered)
            .unwrap()
            .sign(b"message")
            .unwrap()
            .is_empty()
    );
    keys.lock().clear();
    assert!(
        key.choose_scheme(&offered)
            .unwrap()
            .sign(b"message")
            .is_err()
    );
}

#[tokio::test]
async fn tls_signs_with_the_key_manager_on_one_thread() {
    signs().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_signs_with_the_key_manager_on_several_threads() {
    signs().await;
}
