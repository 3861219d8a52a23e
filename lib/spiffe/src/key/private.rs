//! A private key in memory: made, read from DER, and signing.

use std::fmt;

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rand::SystemRandom,
    rsa,
    signature::{self, EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair, RsaEncoding, RsaKeyPair},
};
use zeroize::Zeroizing;

use super::{KeyError, KeyType, PublicKeyKind, SignatureScheme};

enum Pair {
    Ecdsa(EcdsaKeyPair),
    Rsa(Box<RsaKeyPair>),
}

/// A private key in memory. Its PKCS#8 form is wiped when the key is dropped; `Debug` shows the
/// kind only.
pub struct PrivateKey {
    pair: Pair,
    kind: PublicKeyKind,
    pkcs8: Zeroizing<Vec<u8>>,
    public_key: Vec<u8>,
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// The curves we hold keys on, in the order in which they are tried.
static CURVES: [(&EcdsaSigningAlgorithm, PublicKeyKind); 3] = [
    (
        &signature::ECDSA_P256_SHA256_ASN1_SIGNING,
        PublicKeyKind::EcP256,
    ),
    (
        &signature::ECDSA_P384_SHA384_ASN1_SIGNING,
        PublicKeyKind::EcP384,
    ),
    (
        &signature::ECDSA_P521_SHA512_ASN1_SIGNING,
        PublicKeyKind::EcP521,
    ),
];

impl PrivateKey {
    /// Makes a new key. An RSA key of 4096 bits takes seconds: do it off the async threads.
    ///
    /// # Errors
    /// When the cryptography library fails.
    pub fn generate(key_type: KeyType) -> Result<Self, KeyError> {
        let failed = |_| KeyError::Crypto("generate a key");
        match key_type {
            KeyType::EcP256 => EcdsaKeyPair::generate(&signature::ECDSA_P256_SHA256_ASN1_SIGNING)
                .map_err(failed)
                .and_then(|pair| Self::from_ecdsa(pair, PublicKeyKind::EcP256)),
            KeyType::EcP384 => EcdsaKeyPair::generate(&signature::ECDSA_P384_SHA384_ASN1_SIGNING)
                .map_err(failed)
                .and_then(|pair| Self::from_ecdsa(pair, PublicKeyKind::EcP384)),
            KeyType::Rsa2048 => RsaKeyPair::generate(rsa::KeySize::Rsa2048)
                .map_err(failed)
                .and_then(Self::from_rsa),
            KeyType::Rsa4096 => RsaKeyPair::generate(rsa::KeySize::Rsa4096)
                .map_err(failed)
                .and_then(Self::from_rsa),
        }
    }

    /// Reads a private key, DER: PKCS#8, or as older tools write it, SEC1 or PKCS#1.
    ///
    /// # Errors
    /// [`KeyError::NotAKey`] when it is none of these or of a kind not in use.
    pub fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        for (algorithm, kind) in CURVES {
            if let Ok(pair) = EcdsaKeyPair::from_private_key_der(algorithm, der) {
                return Self::from_ecdsa(pair, kind);
            }
        }
        RsaKeyPair::from_pkcs8(der)
            .or_else(|_| RsaKeyPair::from_der(der))
            .map_err(|_| KeyError::NotAKey)
            .and_then(Self::from_rsa)
    }

    fn from_ecdsa(pair: EcdsaKeyPair, kind: PublicKeyKind) -> Result<Self, KeyError> {
        let failed = |_| KeyError::Crypto("encode a key");
        let pkcs8 = Zeroizing::new(pair.to_pkcs8v1().map_err(failed)?.as_ref().to_vec());
        let public_key = pair
            .public_key()
            .as_der()
            .map_err(failed)?
            .as_ref()
            .to_vec();
        Ok(Self {
            pair: Pair::Ecdsa(pair),
            kind,
            pkcs8,
            public_key,
        })
    }

    fn from_rsa(pair: RsaKeyPair) -> Result<Self, KeyError> {
        let failed = |_| KeyError::Crypto("encode a key");
        let pkcs8: Pkcs8V1Der<'_> = pair.as_der().map_err(failed)?;
        let pkcs8 = Zeroizing::new(pkcs8.as_ref().to_vec());
        let public_key = pair
            .public_key()
            .as_der()
            .map_err(failed)?
            .as_ref()
            .to_vec();
        let kind = PublicKeyKind::of(&public_key)?;
        Ok(Self {
            pair: Pair::Rsa(Box::new(pair)),
            kind,
            pkcs8,
            public_key,
        })
    }

    /// The kind of key.
    pub fn kind(&self) -> PublicKeyKind {
        self.kind
    }

    /// The key manager's type for it, where there is one.
    pub fn key_type(&self) -> Option<KeyType> {
        self.kind.key_type()
    }

    /// The private key as PKCS#8 (version 1), DER.
    pub fn pkcs8_der(&self) -> &[u8] {
        &self.pkcs8
    }

    /// The public key as DER SubjectPublicKeyInfo.
    pub fn public_key_der(&self) -> &[u8] {
        &self.public_key
    }

    /// How certificates and CSRs are signed with this key.
    pub fn x509_scheme(&self) -> SignatureScheme {
        self.kind
            .x509_scheme()
            .unwrap_or(SignatureScheme::EcdsaSha256)
    }

    /// Signs `message`.
    ///
    /// # Errors
    /// [`KeyError::WrongScheme`] when the scheme is for another kind of key.
    pub fn sign(&self, scheme: SignatureScheme, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        match &self.pair {
            Pair::Ecdsa(pair) => self.sign_ecdsa(pair, scheme, message),
            Pair::Rsa(pair) => sign_rsa(pair, scheme, message),
        }
    }

    fn sign_ecdsa(
        &self,
        pair: &EcdsaKeyPair,
        scheme: SignatureScheme,
        message: &[u8],
    ) -> Result<Vec<u8>, KeyError> {
        // A JWT algorithm names curve and hash together, and certificates follow suit: only the
        // hash that belongs to the curve is of use.
        if self.kind.x509_scheme() != Some(scheme) {
            return Err(KeyError::WrongScheme(scheme));
        }
        let signature = pair
            .sign(&SystemRandom::new(), message)
            .map_err(|_| KeyError::Crypto("sign"))?;
        Ok(signature.as_ref().to_vec())
    }
}

fn sign_rsa(
    pair: &RsaKeyPair,
    scheme: SignatureScheme,
    message: &[u8],
) -> Result<Vec<u8>, KeyError> {
    let encoding: &dyn RsaEncoding = match scheme {
        SignatureScheme::RsaPkcs1Sha256 => &signature::RSA_PKCS1_SHA256,
        SignatureScheme::RsaPkcs1Sha384 => &signature::RSA_PKCS1_SHA384,
        SignatureScheme::RsaPssSha256 => &signature::RSA_PSS_SHA256,
        _ => return Err(KeyError::WrongScheme(scheme)),
    };
    let mut out = vec![0; pair.public_modulus_len()];
    pair.sign(encoding, &SystemRandom::new(), message, &mut out)
        .map_err(|_| KeyError::Crypto("sign"))?;
    Ok(out)
}
