//! Private keys by id, and where they are written to whenever one changes.

use std::{collections::BTreeMap, sync::Arc};

use arc_swap::ArcSwap;
use async_trait::async_trait;
use steeple_plugin_sdk::{
    PluginError,
    keymanager::{KeyInfo, KeyManager, KeyType, SignatureScheme},
};
use steeple_spiffe::key::{KeyError, PrivateKey};
use tokio::sync::Mutex;

/// Keys by id.
pub(super) type Keys = BTreeMap<String, Arc<PrivateKey>>;

/// Where keys outlive the process.
pub(super) trait Persist: Clone + Send + Sync + 'static {
    /// Writes all keys, or leaves what was there. Blocks.
    fn write(&self, keys: &Keys) -> Result<(), PluginError>;
}

/// A KeyManager over keys in memory.
pub(super) struct Keyring<P> {
    keys: ArcSwap<Keys>,
    persist: P,
    /// Lets one change in at a time; signing does not wait for it.
    turn: Mutex<()>,
}

impl<P: Persist> Keyring<P> {
    pub(super) fn new(keys: Keys, persist: P) -> Self {
        Self {
            keys: ArcSwap::from_pointee(keys),
            persist,
            turn: Mutex::new(()),
        }
    }
}

#[async_trait]
impl<P: Persist> KeyManager for Keyring<P> {
    async fn generate(&self, id: &str, key_type: KeyType) -> Result<KeyInfo, PluginError> {
        if id.is_empty() {
            return Err(PluginError::InvalidArgument(
                "key id is required".to_owned(),
            ));
        }
        let id = id.to_owned();
        let key = blocking(move || PrivateKey::generate(key_type).map_err(internal)).await?;
        let key = Arc::new(key);
        let info = describe(&id, &key)?;
        let _turn = self.turn.lock().await;
        let mut keys = Keys::clone(&self.keys.load());
        keys.insert(id, key);
        let keys = Arc::new(keys);
        let (persist, written) = (self.persist.clone(), Arc::clone(&keys));
        blocking(move || persist.write(&written)).await?;
        self.keys.store(keys);
        Ok(info)
    }

    async fn keys(&self) -> Result<Vec<KeyInfo>, PluginError> {
        self.keys
            .load()
            .iter()
            .map(|(id, key)| describe(id, key))
            .collect()
    }

    async fn sign(
        &self,
        id: &str,
        scheme: SignatureScheme,
        message: &[u8],
    ) -> Result<Vec<u8>, PluginError> {
        let keys = self.keys.load();
        let key = keys.get(id).ok_or_else(|| {
            PluginError::NotFound(format!("failed to sign data: no such key {id:?}"))
        })?;
        key.sign(scheme, message).map_err(|error| {
            let text = format!("keypair {id:?} signing operation failed: {error}");
            match error {
                KeyError::WrongScheme(_) => PluginError::InvalidArgument(text),
                _ => PluginError::Internal(text),
            }
        })
    }
}

/// What is told of a key. Only keys of the four types get in, so the type is always there.
pub(super) fn describe(id: &str, key: &PrivateKey) -> Result<KeyInfo, PluginError> {
    let key_type = key.key_type().ok_or_else(|| {
        PluginError::Internal(format!(
            "key {id:?} is of an unsupported type; supported are EC P-256, EC P-384, RSA 2048 \
             and RSA 4096"
        ))
    })?;
    Ok(KeyInfo {
        id: id.to_owned(),
        key_type,
        public_key: key.public_key_der().to_vec(),
    })
}

fn internal(error: KeyError) -> PluginError {
    PluginError::Internal(format!("failed to generate key: {error}"))
}

/// Runs what takes long off the async threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PluginError> + Send + 'static,
) -> Result<T, PluginError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|lost| PluginError::Internal(format!("key manager's work was lost: {lost}")))?
}
