//! Private keys held in this process, the key types SPIRE offers, and how they sign.

mod private;

use aws_lc_rs::rsa;
use const_oid::ObjectIdentifier;
use const_oid::db::{rfc5912, rfc8410};
use der::{Any, Encode, asn1::Null};
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoRef};

pub use private::PrivateKey;

/// Why a key could not be read, made or used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum KeyError {
    /// The bytes are none of PKCS#8, SEC1 or PKCS#1, or hold a curve or size we do not use.
    #[error(
        "private key is not a PKCS#8, SEC1 or PKCS#1 key of a supported type \
         (EC P-256, P-384, P-521 or RSA of 2048 to 8192 bits)"
    )]
    NotAKey,
    /// The public key is of a kind that nothing here signs or verifies with.
    #[error("public key is not an EC P-256, P-384, P-521 or RSA key")]
    UnsupportedPublicKey,
    /// The scheme is of another algorithm family or curve than the key.
    #[error("signature scheme {0:?} does not fit the key")]
    WrongScheme(SignatureScheme),
    /// The cryptography library failed; it does not say why.
    #[error("the cryptography library could not {0}")]
    Crypto(&'static str),
}

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

    /// How certificates are signed with such a key: SHA-384 on P-384, SHA-256 otherwise.
    pub fn x509_scheme(self) -> SignatureScheme {
        match self {
            Self::EcP256 => SignatureScheme::EcdsaSha256,
            Self::EcP384 => SignatureScheme::EcdsaSha384,
            Self::Rsa2048 | Self::Rsa4096 => SignatureScheme::RsaPkcs1Sha256,
        }
    }
}

/// How to sign. The data handed over is the message itself; the signer hashes it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum SignatureScheme {
    /// ECDSA with SHA-256; the signature is DER.
    EcdsaSha256,
    /// ECDSA with SHA-384; the signature is DER.
    EcdsaSha384,
    /// ECDSA with SHA-512; the signature is DER. Only an upstream key on P-521 uses it.
    EcdsaSha512,
    /// RSA PKCS#1 v1.5 with SHA-256.
    RsaPkcs1Sha256,
    /// RSA PKCS#1 v1.5 with SHA-384.
    RsaPkcs1Sha384,
    /// RSA-PSS with SHA-256 and a salt of 32 bytes.
    RsaPssSha256,
}

impl SignatureScheme {
    /// The X.509 algorithm identifier; none for RSA-PSS, which we do not put into certificates.
    pub fn algorithm_identifier(self) -> Option<AlgorithmIdentifierOwned> {
        let (oid, null) = match self {
            Self::EcdsaSha256 => (rfc5912::ECDSA_WITH_SHA_256, false),
            Self::EcdsaSha384 => (rfc5912::ECDSA_WITH_SHA_384, false),
            Self::EcdsaSha512 => (rfc5912::ECDSA_WITH_SHA_512, false),
            Self::RsaPkcs1Sha256 => (rfc5912::SHA_256_WITH_RSA_ENCRYPTION, true),
            Self::RsaPkcs1Sha384 => (rfc5912::SHA_384_WITH_RSA_ENCRYPTION, true),
            Self::RsaPssSha256 => return None,
        };
        let parameters = null.then(|| Any::from(Null));
        Some(AlgorithmIdentifierOwned { oid, parameters })
    }
}

/// What kind of key a public key is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum PublicKeyKind {
    /// ECDSA on P-256.
    EcP256,
    /// ECDSA on P-384.
    EcP384,
    /// ECDSA on P-521.
    EcP521,
    /// RSA; the size of the modulus in bits.
    Rsa(usize),
    /// Ed25519, which may appear in bundles but is nothing we sign with.
    Ed25519,
}

impl PublicKeyKind {
    /// Reads the kind from a DER SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// When the bytes are no such structure, or the key is of another kind.
    pub fn of(spki_der: &[u8]) -> Result<Self, KeyError> {
        let bad = |_| KeyError::UnsupportedPublicKey;
        let spki = SubjectPublicKeyInfoRef::try_from(spki_der).map_err(bad)?;
        let oid = spki.algorithm.oid;
        if oid == rfc8410::ID_ED_25519 {
            return Ok(Self::Ed25519);
        }
        if oid == rfc5912::RSA_ENCRYPTION {
            let der = spki.subject_public_key.as_bytes().unwrap_or_default();
            let key = rsa::PublicKey::from_der(der).map_err(|_| KeyError::UnsupportedPublicKey)?;
            let modulus = key.modulus();
            let modulus = modulus.big_endian_without_leading_zero();
            let unused = modulus
                .first()
                .map_or(0, |byte| byte.leading_zeros() as usize);
            return Ok(Self::Rsa(modulus.len() * 8 - unused));
        }
        if oid != rfc5912::ID_EC_PUBLIC_KEY {
            return Err(KeyError::UnsupportedPublicKey);
        }
        let curve = spki
            .algorithm
            .parameters_oid()
            .map_err(|_| KeyError::UnsupportedPublicKey)?;
        Self::from_curve(curve).ok_or(KeyError::UnsupportedPublicKey)
    }

    fn from_curve(curve: ObjectIdentifier) -> Option<Self> {
        match curve {
            rfc5912::SECP_256_R_1 => Some(Self::EcP256),
            rfc5912::SECP_384_R_1 => Some(Self::EcP384),
            rfc5912::SECP_521_R_1 => Some(Self::EcP521),
            _ => None,
        }
    }

    /// The key manager's type for this kind, where it has one.
    pub fn key_type(self) -> Option<KeyType> {
        match self {
            Self::EcP256 => Some(KeyType::EcP256),
            Self::EcP384 => Some(KeyType::EcP384),
            Self::Rsa(2048) => Some(KeyType::Rsa2048),
            Self::Rsa(4096) => Some(KeyType::Rsa4096),
            Self::EcP521 | Self::Rsa(_) | Self::Ed25519 => None,
        }
    }

    /// How certificates are signed with the key of this kind.
    pub fn x509_scheme(self) -> Option<SignatureScheme> {
        match self {
            Self::EcP256 => Some(SignatureScheme::EcdsaSha256),
            Self::EcP384 => Some(SignatureScheme::EcdsaSha384),
            Self::EcP521 => Some(SignatureScheme::EcdsaSha512),
            Self::Rsa(_) => Some(SignatureScheme::RsaPkcs1Sha256),
            Self::Ed25519 => None,
        }
    }
}

/// Random bytes from the cryptography library.
///
/// # Errors
/// When the operating system's generator fails.
pub fn random<const N: usize>() -> Result<[u8; N], KeyError> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| KeyError::Crypto("get random bytes"))?;
    Ok(bytes)
}

/// Whether two DER SubjectPublicKeyInfo structures hold the same key, whatever their algorithm
/// parameters look like.
pub fn same_public_key(one: &[u8], other: &[u8]) -> bool {
    let canonical = |der: &[u8]| {
        let spki = SubjectPublicKeyInfoRef::try_from(der).ok()?;
        Some((spki.algorithm.oid, spki.subject_public_key.to_der().ok()?))
    };
    one == other || canonical(one).is_some_and(|key| Some(key) == canonical(other))
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{self, UnparsedPublicKey};
    use der::{Decode, asn1::OctetString};

    use super::*;

    /// The key inside a PKCS#8 structure: SEC1 or PKCS#1.
    fn inner(pkcs8: &[u8]) -> Vec<u8> {
        #[derive(der::Sequence)]
        struct Info {
            version: u8,
            algorithm: AlgorithmIdentifierOwned,
            key: OctetString,
        }
        Info::from_der(pkcs8).unwrap().key.as_bytes().to_vec()
    }

    #[test]
    fn every_type_is_made_and_read_back_in_every_form() {
        for key_type in [
            KeyType::EcP256,
            KeyType::EcP384,
            KeyType::Rsa2048,
            KeyType::Rsa4096,
        ] {
            let key = PrivateKey::generate(key_type).unwrap();
            assert_eq!(key.key_type(), Some(key_type));
            for der in [key.pkcs8_der(), &inner(key.pkcs8_der())] {
                let read = PrivateKey::from_der(der).unwrap();
                assert_eq!(read.public_key_der(), key.public_key_der());
                assert_eq!(read.pkcs8_der(), key.pkcs8_der());
            }
            assert_eq!(KeyType::from_name(key_type.name()), Some(key_type));
        }
        assert_eq!(KeyType::from_name("ec-p521"), None);
    }

    #[test]
    fn signatures_verify_and_schemes_of_other_keys_are_refused() {
        let key = PrivateKey::generate(KeyType::EcP256).unwrap();
        let spki = SubjectPublicKeyInfoRef::try_from(key.public_key_der()).unwrap();
        let point = spki.subject_public_key.raw_bytes();
        let signature = key.sign(SignatureScheme::EcdsaSha256, b"message").unwrap();
        let verifier = UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_ASN1, point);
        verifier.verify(b"message", &signature).unwrap();
        verifier.verify(b"another", &signature).unwrap_err();
        for scheme in [
            SignatureScheme::EcdsaSha384,
            SignatureScheme::RsaPkcs1Sha256,
        ] {
            assert_eq!(
                key.sign(scheme, b"message"),
                Err(KeyError::WrongScheme(scheme))
            );
        }
    }

    #[test]
    fn garbage_is_no_key_and_keys_are_not_shown() {
        let key = PrivateKey::generate(KeyType::EcP256).unwrap();
        let cut = &key.pkcs8_der()[..key.pkcs8_der().len() - 1];
        for der in [&b""[..], b"garbage", key.public_key_der(), cut] {
            assert_eq!(PrivateKey::from_der(der).map(drop), Err(KeyError::NotAKey));
        }
        assert_eq!(format!("{key:?}"), "PrivateKey { kind: EcP256, .. }");
    }

    #[test]
    fn same_keys_are_the_same() {
        let key = PrivateKey::generate(KeyType::Rsa2048).unwrap();
        let other = PrivateKey::generate(KeyType::Rsa2048).unwrap();
        assert!(same_public_key(key.public_key_der(), key.public_key_der()));
        assert!(!same_public_key(
            key.public_key_der(),
            other.public_key_der()
        ));
        assert!(!same_public_key(b"garbage", key.public_key_der()));
    }
}
