//! Private keys: reading and signing.

use aws_lc_rs::{
    digest::{self, Digest},
    encoding::AsDer,
    rand::SystemRandom,
    rsa::KeyPair as RsaKeyPair,
    signature::{
        self, EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair, PqdsaKeyPair, PqdsaSigningAlgorithm,
        RsaEncoding,
    },
};

/// Why a key cannot be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum KeyError {
    /// The bytes are no key of a kind that is supported.
    #[error(
        "not a private key that can be used: it must be PKCS#8, SEC1 or PKCS#1 with RSA of 2048 to \
         8192 bits, EC P-256, P-384, P-521 or ML-DSA"
    )]
    NotAKey,
    /// The library could not sign.
    #[error("the cryptography library could not sign")]
    Sign,
    /// The token that holds the key did not sign.
    #[cfg(feature = "pkcs11")]
    #[error("the token did not sign: {0}")]
    Token(String),
}

/// The hash that a signature is over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    /// The hash with this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "SHA256" => Some(Self::Sha256),
            "SHA384" => Some(Self::Sha384),
            "SHA512" => Some(Self::Sha512),
            _ => None,
        }
    }

    /// The library's name for it.
    pub(super) fn algorithm(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        }
    }

    fn pkcs1(self) -> &'static dyn RsaEncoding {
        match self {
            Self::Sha256 => &signature::RSA_PKCS1_SHA256,
            Self::Sha384 => &signature::RSA_PKCS1_SHA384,
            Self::Sha512 => &signature::RSA_PKCS1_SHA512,
        }
    }
}

/// How IAM Roles Anywhere calls a key's signatures.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Family {
    Rsa,
    Ecdsa,
    MlDsa,
}

impl Family {
    /// The algorithm's name in a request.
    pub(crate) fn algorithm(self) -> &'static str {
        match self {
            Self::Rsa => "AWS4-X509-RSA-SHA256",
            Self::Ecdsa => "AWS4-X509-ECDSA-SHA256",
            Self::MlDsa => "AWS4-X509-MLDSA",
        }
    }
}

enum Pair {
    Rsa(RsaKeyPair),
    Ecdsa(EcdsaKeyPair, &'static digest::Algorithm),
    MlDsa(PqdsaKeyPair),
    #[cfg(feature = "pkcs11")]
    Elsewhere(Family, Box<Signer>),
}

/// Signs with a key that is not in memory.
#[cfg(feature = "pkcs11")]
type Signer = dyn Fn(Hash, &[u8]) -> Result<Vec<u8>, KeyError> + Send + Sync;

/// A private key, in memory or in a token.
pub(crate) struct PrivateKey {
    pair: Pair,
    public: Vec<u8>,
}

/// The curves, each with a hash as long as the curve's order, or the longest there is: so that any
/// digest, cut or padded to that length, signs as the same number.
static CURVES: [(&EcdsaSigningAlgorithm, &digest::Algorithm); 3] = [
    (&signature::ECDSA_P256_SHA256_ASN1_SIGNING, &digest::SHA256),
    (&signature::ECDSA_P384_SHA384_ASN1_SIGNING, &digest::SHA384),
    (&signature::ECDSA_P521_SHA512_ASN1_SIGNING, &digest::SHA512),
];

static ML_DSA: [&PqdsaSigningAlgorithm; 3] = [
    &signature::ML_DSA_44_SIGNING,
    &signature::ML_DSA_65_SIGNING,
    &signature::ML_DSA_87_SIGNING,
];

impl PrivateKey {
    /// Reads PKCS#8, SEC1 or PKCS#1, DER.
    ///
    /// # Errors
    /// [`KeyError::NotAKey`].
    pub(crate) fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        let pair = read_ecdsa(der)
            .or_else(|| read_rsa(der))
            .or_else(|| read_ml_dsa(der))
            .ok_or(KeyError::NotAKey)?;
        let public = pair.public_der().ok_or(KeyError::NotAKey)?;
        Ok(Self { pair, public })
    }

    /// A key that `sign` signs with; its public half as DER SubjectPublicKeyInfo.
    #[cfg(feature = "pkcs11")]
    pub(super) fn elsewhere(
        public: Vec<u8>,
        family: Family,
        sign: impl Fn(Hash, &[u8]) -> Result<Vec<u8>, KeyError> + Send + Sync + 'static,
    ) -> Self {
        let pair = Pair::Elsewhere(family, Box::new(sign));
        Self { pair, public }
    }

    /// The public key, as DER SubjectPublicKeyInfo.
    pub(crate) fn public_der(&self) -> &[u8] {
        &self.public
    }

    /// What kind of key it is.
    pub(crate) fn family(&self) -> Family {
        match self.pair {
            Pair::Rsa(_) => Family::Rsa,
            Pair::Ecdsa(..) => Family::Ecdsa,
            Pair::MlDsa(_) => Family::MlDsa,
            #[cfg(feature = "pkcs11")]
            Pair::Elsewhere(family, _) => family,
        }
    }

    /// Signs `message`: RSA by PKCS#1 v1.5, ECDSA as DER, both over the hash; ML-DSA over the
    /// message itself.
    ///
    /// # Errors
    /// When the library fails.
    pub(crate) fn sign(&self, hash: Hash, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut out = vec![0; pair.public_modulus_len()];
                let random = SystemRandom::new();
                pair.sign(hash.pkcs1(), &random, message, &mut out)
                    .map_err(|_| KeyError::Sign)?;
                Ok(out)
            }
            Pair::Ecdsa(pair, own) => {
                let digest = digest::digest(hash.algorithm(), message);
                let digest = fit(digest.as_ref(), own)?;
                let signed = pair.sign_digest(&digest).map_err(|_| KeyError::Sign)?;
                Ok(signed.as_ref().to_vec())
            }
            Pair::MlDsa(pair) => {
                let mut out = vec![0; pair.algorithm().signature_len()];
                let length = pair.sign(message, &mut out).map_err(|_| KeyError::Sign)?;
                out.truncate(length);
                Ok(out)
            }
            #[cfg(feature = "pkcs11")]
            Pair::Elsewhere(_, sign) => sign(hash, message),
        }
    }
}

/// The library signs with the hash of the curve only, the service wants SHA-256 always. ECDSA takes
/// a digest as a number, of which the leftmost bits count: a shorter one padded with zeros in front,
/// and a longer one cut, are that number.
fn fit(digest: &[u8], own: &'static digest::Algorithm) -> Result<Digest, KeyError> {
    let length = own.output_len();
    let cut = digest.get(..length).unwrap_or(digest);
    let mut bytes = vec![0; length - cut.len()];
    bytes.extend_from_slice(cut);
    Digest::import_less_safe(&bytes, own).map_err(|_| KeyError::Sign)
}

impl Pair {
    fn public_der(&self) -> Option<Vec<u8>> {
        let der = match self {
            Self::Rsa(pair) => pair.public_key().as_der().ok()?.as_ref().to_vec(),
            Self::Ecdsa(pair, _) => pair.public_key().as_der().ok()?.as_ref().to_vec(),
            Self::MlDsa(pair) => pair.public_key().as_der().ok()?.as_ref().to_vec(),
            #[cfg(feature = "pkcs11")]
            Self::Elsewhere(..) => return None,
        };
        Some(der)
    }
}

fn read_ecdsa(der: &[u8]) -> Option<Pair> {
    CURVES.iter().find_map(|(algorithm, own)| {
        let pair = EcdsaKeyPair::from_private_key_der(algorithm, der).ok()?;
        Some(Pair::Ecdsa(pair, own))
    })
}

fn read_rsa(der: &[u8]) -> Option<Pair> {
    let pair = RsaKeyPair::from_pkcs8(der).or_else(|_| RsaKeyPair::from_der(der));
    pair.ok().map(Pair::Rsa)
}

fn read_ml_dsa(der: &[u8]) -> Option<Pair> {
    ML_DSA
        .iter()
        .find_map(|algorithm| PqdsaKeyPair::from_pkcs8(algorithm, der).ok())
        .map(Pair::MlDsa)
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::{encoding::AsDer as _, signature::UnparsedPublicKey};
    use spki::SubjectPublicKeyInfoRef;

    use super::*;

    fn point(key: &PrivateKey) -> Vec<u8> {
        let spki = SubjectPublicKeyInfoRef::try_from(key.public_der()).unwrap();
        spki.subject_public_key.raw_bytes().to_vec()
    }

    fn ecdsa(algorithm: &'static EcdsaSigningAlgorithm) -> PrivateKey {
        let pair = EcdsaKeyPair::generate(algorithm).unwrap();
        PrivateKey::from_der(pair.to_pkcs8v1().unwrap().as_ref()).unwrap()
    }

    #[test]
    fn every_curve_signs_over_every_hash() {
        use signature as s;
        let p256 = ecdsa(&s::ECDSA_P256_SHA256_ASN1_SIGNING);
        let p384 = ecdsa(&s::ECDSA_P384_SHA384_ASN1_SIGNING);
        let p521 = ecdsa(&s::ECDSA_P521_SHA512_ASN1_SIGNING);
        let cases: [(&PrivateKey, Hash, &s::EcdsaVerificationAlgorithm); 7] = [
            (&p256, Hash::Sha256, &s::ECDSA_P256_SHA256_ASN1),
            (&p256, Hash::Sha384, &s::ECDSA_P256_SHA384_ASN1),
            (&p384, Hash::Sha256, &s::ECDSA_P384_SHA256_ASN1),
            (&p384, Hash::Sha384, &s::ECDSA_P384_SHA384_ASN1),
            (&p521, Hash::Sha256, &s::ECDSA_P521_SHA256_ASN1),
            (&p521, Hash::Sha384, &s::ECDSA_P521_SHA384_ASN1),
            (&p521, Hash::Sha512, &s::ECDSA_P521_SHA512_ASN1),
        ];
        for (key, hash, verifier) in cases {
            assert_eq!(key.family(), Family::Ecdsa);
            let signature = key.sign(hash, b"message").unwrap();
            let public = UnparsedPublicKey::new(verifier, point(key));
            public.verify(b"message", &signature).unwrap();
            public.verify(b"another", &signature).unwrap_err();
        }
    }

    #[test]
    fn rsa_and_ml_dsa_sign() {
        let pair = RsaKeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
        let der: aws_lc_rs::encoding::Pkcs8V1Der<'_> = pair.as_der().unwrap();
        let key = PrivateKey::from_der(der.as_ref()).unwrap();
        let signature = key.sign(Hash::Sha512, b"message").unwrap();
        let public = UnparsedPublicKey::new(&signature::RSA_PKCS1_2048_8192_SHA512, point(&key));
        public.verify(b"message", &signature).unwrap();

        let pair = PqdsaKeyPair::generate(&signature::ML_DSA_65_SIGNING).unwrap();
        let key = PrivateKey::from_der(pair.to_pkcs8v1().unwrap().as_ref()).unwrap();
        assert_eq!(key.family().algorithm(), "AWS4-X509-MLDSA");
        let signature = key.sign(Hash::Sha256, b"message").unwrap();
        let public = UnparsedPublicKey::new(&signature::ML_DSA_65, point(&key));
        public.verify(b"message", &signature).unwrap();
    }

    #[test]
    fn garbage_is_no_key() {
        for der in [&b""[..], b"garbage"] {
            assert_eq!(PrivateKey::from_der(der).map(drop), Err(KeyError::NotAKey));
        }
    }
}
