//! KeyManager: holds private keys and signs with them; used by server and agent alike.

use async_trait::async_trait;
pub use steeple_spiffe::key::{KeyType, SignatureScheme};

use crate::PluginError;

/// A key that a key manager holds, without its private part.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeyInfo {
    /// The identifier it was generated under, such as `x509-CA-A`.
    pub id: String,
    /// Its type.
    pub key_type: KeyType,
    /// The public key as a DER SubjectPublicKeyInfo (RFC 5280, 4.1.2.7).
    pub public_key: Vec<u8>,
}

/// Keeps keys and signs with them.
///
/// Obligations, checked by the conformance suite: `generate` on an existing id replaces that key,
/// and the old one stays usable when generation fails; keys never leave through this trait;
/// calls may come concurrently.
#[async_trait]
pub trait KeyManager: Send + Sync {
    /// Makes a new key under `id`, in place of the one that was there.
    async fn generate(&self, id: &str, key_type: KeyType) -> Result<KeyInfo, PluginError>;

    /// Every key held, ordered by id.
    async fn keys(&self) -> Result<Vec<KeyInfo>, PluginError>;

    /// Signs `message` with the key `id`.
    ///
    /// # Errors
    /// [`PluginError::NotFound`] when there is no such key, [`PluginError::InvalidArgument`] when
    /// the scheme does not fit its type.
    async fn sign(
        &self,
        id: &str,
        scheme: SignatureScheme,
        message: &[u8],
    ) -> Result<Vec<u8>, PluginError>;
}
