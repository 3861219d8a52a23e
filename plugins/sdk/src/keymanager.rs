//! KeyManager: holds private keys and signs with them; used by server and agent alike.

use async_trait::async_trait;

use crate::PluginError;

/// The key types every key manager offers.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum KeyType {
    /// ECDSA on P-256.
    EcP256,
    /// ECDSA on P-384.
    EcP384,
    /// RSA with a modulus of 2048 bits.
    Rsa2048,
    /// RSA with a modulus of 4096 bits.
    Rsa4096,
}

impl KeyType {
    /// Reads the name used in configuration: `ec-p256`, `ec-p384`, `rsa-2048`, `rsa-4096`.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "ec-p256" => Some(Self::EcP256),
            "ec-p384" => Some(Self::EcP384),
            "rsa-2048" => Some(Self::Rsa2048),
            "rsa-4096" => Some(Self::Rsa4096),
            _ => None,
        }
    }

    /// The name used in configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::EcP256 => "ec-p256",
            Self::EcP384 => "ec-p384",
            Self::Rsa2048 => "rsa-2048",
            Self::Rsa4096 => "rsa-4096",
        }
    }
}

/// How to sign. The data handed over is the message itself; the key manager hashes it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum SignatureScheme {
    /// ECDSA with SHA-256; the signature is DER.
    EcdsaSha256,
    /// ECDSA with SHA-384; the signature is DER.
    EcdsaSha384,
    /// RSA PKCS#1 v1.5 with SHA-256.
    RsaPkcs1Sha256,
    /// RSA PKCS#1 v1.5 with SHA-384.
    RsaPkcs1Sha384,
    /// RSA-PSS with SHA-256 and a salt of 32 bytes.
    RsaPssSha256,
}

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
