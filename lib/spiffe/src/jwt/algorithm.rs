//! The signature algorithms of JWT-SVIDs, and how their signatures are written.

use aws_lc_rs::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use der::{Decode, Sequence, asn1::UintRef};
use spki::SubjectPublicKeyInfoRef;

use super::JwtError;
use crate::key::{KeyError, KeyType, PublicKeyKind};

/// An algorithm that a JWT-SVID may be signed with (JWT-SVID 2.1).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[expect(missing_docs, reason = "the names are those of RFC 7518, 3.1")]
pub enum Algorithm {
    Es256,
    Es384,
    Es512,
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
}

const NAMES: [(Algorithm, &str); 9] = [
    (Algorithm::Es256, "ES256"),
    (Algorithm::Es384, "ES384"),
    (Algorithm::Es512, "ES512"),
    (Algorithm::Rs256, "RS256"),
    (Algorithm::Rs384, "RS384"),
    (Algorithm::Rs512, "RS512"),
    (Algorithm::Ps256, "PS256"),
    (Algorithm::Ps384, "PS384"),
    (Algorithm::Ps512, "PS512"),
];

impl Algorithm {
    /// Reads the `alg` header.
    pub fn from_name(name: &str) -> Option<Self> {
        NAMES
            .iter()
            .find(|(_, known)| *known == name)
            .map(|(algorithm, _)| *algorithm)
    }

    /// The `alg` header.
    pub fn name(self) -> &'static str {
        NAMES
            .iter()
            .find(|(known, _)| *known == self)
            .map_or("", |(_, name)| name)
    }

    /// What a server's key of this type signs with. The scheme to ask of the signer is
    /// [`KeyType::x509_scheme`].
    pub fn for_key(key_type: KeyType) -> Self {
        match key_type {
            KeyType::EcP256 => Self::Es256,
            KeyType::EcP384 => Self::Es384,
            KeyType::Rsa2048 | KeyType::Rsa4096 => Self::Rs256,
        }
    }

    /// Bytes of one coordinate, for ECDSA.
    fn coordinate(self) -> Option<usize> {
        match self {
            Self::Es256 => Some(32),
            Self::Es384 => Some(48),
            Self::Es512 => Some(66),
            _ => None,
        }
    }

    fn fits(self, kind: PublicKeyKind) -> bool {
        match self {
            Self::Es256 => kind == PublicKeyKind::EcP256,
            Self::Es384 => kind == PublicKeyKind::EcP384,
            Self::Es512 => kind == PublicKeyKind::EcP521,
            _ => matches!(kind, PublicKeyKind::Rsa(_)),
        }
    }

    fn verifier(self) -> &'static dyn VerificationAlgorithm {
        match self {
            Self::Es256 => &signature::ECDSA_P256_SHA256_FIXED,
            Self::Es384 => &signature::ECDSA_P384_SHA384_FIXED,
            Self::Es512 => &signature::ECDSA_P521_SHA512_FIXED,
            Self::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
            Self::Rs384 => &signature::RSA_PKCS1_2048_8192_SHA384,
            Self::Rs512 => &signature::RSA_PKCS1_2048_8192_SHA512,
            Self::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
            Self::Ps384 => &signature::RSA_PSS_2048_8192_SHA384,
            Self::Ps512 => &signature::RSA_PSS_2048_8192_SHA512,
        }
    }

    /// Whether `signature` over `message` was made with the key in `spki_der`. A key of another
    /// kind than the algorithm verifies nothing.
    pub(super) fn verifies(self, spki_der: &[u8], message: &[u8], signature: &[u8]) -> bool {
        let Ok(spki) = SubjectPublicKeyInfoRef::try_from(spki_der) else {
            return false;
        };
        PublicKeyKind::of(spki_der).is_ok_and(|kind| self.fits(kind))
            && UnparsedPublicKey::new(self.verifier(), spki.subject_public_key.raw_bytes())
                .verify(message, signature)
                .is_ok()
    }

    /// Turns what a signer returns into what a token holds: ECDSA signatures come as DER and go
    /// as two numbers of fixed size (RFC 7518, 3.4).
    pub(super) fn token_signature(self, signature: &[u8]) -> Result<Vec<u8>, JwtError> {
        let Some(size) = self.coordinate() else {
            return Ok(signature.to_vec());
        };
        let EcdsaSignature { r, s } =
            EcdsaSignature::from_der(signature).map_err(|_| JwtError::SignerOutput)?;
        let mut fixed = vec![0; 2 * size];
        for (number, end) in [(r, size), (s, 2 * size)] {
            let bytes = number.as_bytes();
            let start = end
                .checked_sub(bytes.len())
                .filter(|start| *start + size >= end);
            let start = start.ok_or(JwtError::SignerOutput)?;
            fixed
                .get_mut(start..end)
                .ok_or(JwtError::SignerOutput)?
                .copy_from_slice(bytes);
        }
        Ok(fixed)
    }
}

#[derive(Sequence)]
struct EcdsaSignature<'a> {
    r: UintRef<'a>,
    s: UintRef<'a>,
}

impl TryFrom<PublicKeyKind> for Algorithm {
    type Error = KeyError;

    fn try_from(kind: PublicKeyKind) -> Result<Self, KeyError> {
        kind.key_type()
            .map(Self::for_key)
            .ok_or(KeyError::UnsupportedPublicKey)
    }
}
