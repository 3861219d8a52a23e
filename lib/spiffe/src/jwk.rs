//! JSON Web Keys (RFC 7517), public ones only, in the field order that Go's library writes.

use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    rsa,
    signature::{self, ParsedPublicKey, VerificationAlgorithm},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use spki::SubjectPublicKeyInfoRef;

use crate::key::PublicKeyKind;

/// Why a key cannot be turned into a JWK, or back.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum JwkError {
    /// `kty` or `crv` names something we do not verify with.
    #[error("unsupported key type {kty:?} with curve {crv:?}")]
    Unsupported {
        /// `kty` as given.
        kty: String,
        /// `crv` as given; empty when absent.
        crv: String,
    },
    /// A member that this key type needs is missing or is not base64url.
    #[error("member {0:?} is missing or is not base64url")]
    BadMember(&'static str),
    /// The numbers are no valid public key.
    #[error("the key's numbers are not a valid public key")]
    BadKey,
}

/// One public key.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Jwk {
    /// What it is for: `x509-svid` or `jwt-svid` in SPIFFE bundles.
    #[serde(rename = "use", skip_serializing_if = "String::is_empty")]
    pub usage: String,
    /// Key type: `EC`, `RSA` or `OKP`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kty: String,
    /// Key ID.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kid: String,
    /// Curve.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub crv: String,
    /// Algorithm.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub alg: String,
    /// First coordinate, base64url.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub x: String,
    /// Second coordinate, base64url.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub y: String,
    /// RSA modulus, base64url.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub n: String,
    /// RSA exponent, base64url.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub e: String,
    /// Certificates, standard base64 of DER.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub x5c: Vec<String>,
}

/// A set of keys.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct JwkSet {
    /// The keys.
    pub keys: Vec<Jwk>,
}

impl Jwk {
    /// The key in a DER SubjectPublicKeyInfo, without `kid` and `use`.
    ///
    /// # Errors
    /// When it is of a kind that has no JWK form here.
    pub fn from_public_key(spki_der: &[u8]) -> Result<Self, JwkError> {
        let kind = PublicKeyKind::of(spki_der).map_err(|_| JwkError::BadKey)?;
        let spki = SubjectPublicKeyInfoRef::try_from(spki_der).map_err(|_| JwkError::BadKey)?;
        let bits = spki.subject_public_key.raw_bytes();
        match kind {
            PublicKeyKind::EcP256 => Self::ec("P-256", bits),
            PublicKeyKind::EcP384 => Self::ec("P-384", bits),
            PublicKeyKind::EcP521 => Self::ec("P-521", bits),
            PublicKeyKind::Rsa(_) => Self::rsa(bits),
            PublicKeyKind::Ed25519 => Ok(Self {
                kty: "OKP".to_owned(),
                crv: "Ed25519".to_owned(),
                x: encode(bits),
                ..Self::default()
            }),
        }
    }

    fn ec(curve: &str, point: &[u8]) -> Result<Self, JwkError> {
        let coordinates = point.strip_prefix(&[4]).ok_or(JwkError::BadKey)?;
        let (x, y) = coordinates
            .split_at_checked(coordinates.len() / 2)
            .ok_or(JwkError::BadKey)?;
        Ok(Self {
            kty: "EC".to_owned(),
            crv: curve.to_owned(),
            x: encode(x),
            y: encode(y),
            ..Self::default()
        })
    }

    fn rsa(pkcs1: &[u8]) -> Result<Self, JwkError> {
        let key = rsa::PublicKey::from_der(pkcs1).map_err(|_| JwkError::BadKey)?;
        Ok(Self {
            kty: "RSA".to_owned(),
            n: encode(key.modulus().big_endian_without_leading_zero()),
            e: encode(key.exponent().big_endian_without_leading_zero()),
            ..Self::default()
        })
    }

    /// The key as DER SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// When the members are no public key of a supported kind.
    pub fn public_key(&self) -> Result<Vec<u8>, JwkError> {
        match (self.kty.as_str(), self.crv.as_str()) {
            ("EC", "P-256") => self.point(&signature::ECDSA_P256_SHA256_FIXED, 32),
            ("EC", "P-384") => self.point(&signature::ECDSA_P384_SHA384_FIXED, 48),
            ("EC", "P-521") => self.point(&signature::ECDSA_P521_SHA512_FIXED, 66),
            ("RSA", _) => self.rsa_public_key(),
            ("OKP", "Ed25519") => to_der(&signature::ED25519, &decode("x", &self.x)?),
            (kty, crv) => Err(JwkError::Unsupported {
                kty: kty.to_owned(),
                crv: crv.to_owned(),
            }),
        }
    }

    fn point(
        &self,
        algorithm: &'static dyn VerificationAlgorithm,
        size: usize,
    ) -> Result<Vec<u8>, JwkError> {
        let (x, y) = (decode("x", &self.x)?, decode("y", &self.y)?);
        if x.len() != size || y.len() != size {
            return Err(JwkError::BadKey);
        }
        to_der(algorithm, &[&[4], x.as_slice(), y.as_slice()].concat())
    }

    fn rsa_public_key(&self) -> Result<Vec<u8>, JwkError> {
        let (n, e) = (decode("n", &self.n)?, decode("e", &self.e)?);
        let key = rsa::PublicKeyComponents { n, e }
            .to_parsed_public_key(&signature::RSA_PKCS1_2048_8192_SHA256)
            .map_err(|_| JwkError::BadKey)?;
        spki_of(&key)
    }
}

fn to_der(
    algorithm: &'static dyn VerificationAlgorithm,
    bytes: &[u8],
) -> Result<Vec<u8>, JwkError> {
    spki_of(&ParsedPublicKey::new(algorithm, bytes).map_err(|_| JwkError::BadKey)?)
}

fn spki_of(key: &ParsedPublicKey) -> Result<Vec<u8>, JwkError> {
    let der: PublicKeyX509Der<'_> = key.as_der().map_err(|_| JwkError::BadKey)?;
    Ok(der.as_ref().to_vec())
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn decode(member: &'static str, text: &str) -> Result<Vec<u8>, JwkError> {
    match URL_SAFE_NO_PAD.decode(text) {
        Ok(bytes) if !bytes.is_empty() => Ok(bytes),
        _ => Err(JwkError::BadMember(member)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{KeyType, PrivateKey};

    #[test]
    fn keys_go_there_and_back() {
        for key_type in [
            KeyType::EcP256,
            KeyType::EcP384,
            KeyType::Rsa2048,
            KeyType::Rsa4096,
        ] {
            let key = PrivateKey::generate(key_type).unwrap();
            let jwk = Jwk::from_public_key(key.public_key_der()).unwrap();
            let json = serde_json::to_string(&jwk).unwrap();
            let read: Jwk = serde_json::from_str(&json).unwrap();
            assert_eq!(read.public_key().unwrap(), key.public_key_der());
        }
    }

    #[test]
    fn the_example_of_rfc_7517_is_read() {
        let json = r#"{"kty":"EC","crv":"P-256","use":"enc","kid":"1",
            "x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
            "y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}"#;
        let jwk: Jwk = serde_json::from_str(json).unwrap();
        let again = Jwk::from_public_key(&jwk.public_key().unwrap()).unwrap();
        assert_eq!((again.x, again.y), (jwk.x, jwk.y));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let key = PrivateKey::generate(KeyType::EcP256).unwrap();
        let good = Jwk::from_public_key(key.public_key_der()).unwrap();
        let refused = |change: fn(&mut Jwk)| {
            let mut jwk = good.clone();
            change(&mut jwk);
            jwk.public_key().unwrap_err()
        };
        assert_eq!(refused(|jwk| jwk.x.clear()), JwkError::BadMember("x"));
        assert_eq!(
            refused(|jwk| jwk.y = "!".to_owned()),
            JwkError::BadMember("y")
        );
        assert_eq!(
            refused(|jwk| jwk.y = jwk.x.clone()),
            JwkError::BadKey,
            "not on the curve"
        );
        assert_eq!(
            refused(|jwk| jwk.crv = "P-384".to_owned()),
            JwkError::BadKey
        );
        assert!(matches!(
            refused(|jwk| jwk.kty = "oct".to_owned()),
            JwkError::Unsupported { .. }
        ));
    }
}
