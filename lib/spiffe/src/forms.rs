//! The written forms of a bundle: the SPIFFE JSON document, the Workload API's plain JWKS, PEM.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use crate::jwk::{Jwk, JwkError, JwkSet};
use crate::pem::{PemError, certificates_from_pem, certificates_to_pem};
use crate::x509::{CertificateInfo, X509Error};
use crate::{Bundle, JwtAuthority, TrustDomain, X509Authority};

const X509_SVID: &str = "x509-svid";
const JWT_SVID: &str = "jwt-svid";
const WIT_SVID: &str = "wit-svid";

/// Why a bundle cannot be read or written. Entries are counted from 0.
#[derive(Debug, thiserror::Error)]
pub enum BundleFormError {
    /// The text is not JSON of the right shape.
    #[error("failed to decode bundle: {0}")]
    Json(#[from] serde_json::Error),
    /// An x509-svid entry without exactly one certificate.
    #[error("expected a single certificate in x509-svid entry {entry}; got {found}")]
    NotOneCertificate {
        /// Which entry.
        entry: usize,
        /// How many it has.
        found: usize,
    },
    /// An x509-svid entry whose `x5c` is not base64 of a certificate.
    #[error("x509-svid entry {entry} holds no certificate: {reason}")]
    BadCertificate {
        /// Which entry.
        entry: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// A jwt-svid entry without `kid`.
    #[error("missing key ID in jwt-svid entry {0}")]
    MissingKeyId(usize),
    /// An entry without `use`.
    #[error("missing use for key entry {0}")]
    MissingUse(usize),
    /// An entry with another `use`.
    #[error("unrecognized use {usage:?} for key entry {entry}")]
    UnknownUse {
        /// Which entry.
        entry: usize,
        /// Its `use`.
        usage: String,
    },
    /// A key that we cannot read, or not write as JWK.
    #[error("key entry {entry}: {source}")]
    Key {
        /// Which entry.
        entry: usize,
        /// What is wrong with it.
        source: JwkError,
    },
    /// A root that is not a certificate.
    #[error(transparent)]
    X509(#[from] X509Error),
    /// The text is not PEM with certificates.
    #[error(transparent)]
    Pem(#[from] PemError),
}

#[derive(Deserialize, Serialize)]
struct Document {
    #[serde(default)]
    keys: Vec<Jwk>,
    #[serde(default, skip_serializing_if = "is_zero")]
    spiffe_sequence: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    spiffe_refresh_hint: i64,
}

fn is_zero<T: Default + PartialEq>(number: &T) -> bool {
    *number == T::default()
}

impl Bundle {
    /// The SPIFFE bundle document: indented by four spaces, authorities in the bundle's order.
    ///
    /// # Errors
    /// When an authority's key has no JWK form.
    pub fn to_spiffe_json(&self) -> Result<String, BundleFormError> {
        let mut keys = Vec::new();
        for root in &self.x509_authorities {
            let info = CertificateInfo::parse(&root.der)?;
            let jwk = jwk(keys.len(), &info.public_key)?;
            let x5c = vec![STANDARD.encode(&root.der)];
            keys.push(Jwk {
                usage: X509_SVID.to_owned(),
                x5c,
                ..jwk
            });
        }
        for jwk in self.jwt_keys(keys.len())? {
            keys.push(Jwk {
                usage: JWT_SVID.to_owned(),
                ..jwk
            });
        }
        indented(&Document {
            keys,
            spiffe_sequence: self.sequence_number,
            spiffe_refresh_hint: self.refresh_hint,
        })
    }

    /// The JWT authorities as plain JWKS, the form of the Workload API and of OIDC.
    ///
    /// # Errors
    /// When a key has no JWK form.
    pub fn to_jwks_json(&self) -> Result<String, BundleFormError> {
        indented(&JwkSet {
            keys: self.jwt_keys(0)?,
        })
    }

    fn jwt_keys(&self, first_entry: usize) -> Result<Vec<Jwk>, BundleFormError> {
        let keys = self.jwt_authorities.iter().enumerate();
        keys.map(|(at, authority)| {
            let jwk = jwk(first_entry + at, &authority.public_key)?;
            Ok(Jwk {
                kid: authority.key_id.clone(),
                ..jwk
            })
        })
        .collect()
    }

    /// Reads a SPIFFE bundle document. JWT keys come without expiry, since the form has none;
    /// keys for workload identity tokens are passed over.
    ///
    /// # Errors
    /// When the document or an entry in it is not as the standard says.
    pub fn from_spiffe_json(
        trust_domain: TrustDomain,
        json: &str,
    ) -> Result<Self, BundleFormError> {
        let document: Document = serde_json::from_str(json)?;
        let mut bundle = Self::empty(trust_domain);
        bundle.refresh_hint = document.spiffe_refresh_hint;
        bundle.sequence_number = document.spiffe_sequence;
        for (entry, key) in document.keys.iter().enumerate() {
            match key.usage.as_str() {
                X509_SVID => bundle.x509_authorities.push(root(entry, key)?),
                JWT_SVID => bundle.jwt_authorities.push(jwt_authority(entry, key)?),
                WIT_SVID => {}
                "" => return Err(BundleFormError::MissingUse(entry)),
                usage => {
                    return Err(BundleFormError::UnknownUse {
                        entry,
                        usage: usage.to_owned(),
                    });
                }
            }
        }
        Ok(bundle)
    }

    /// Reads a plain JWKS, as the Workload API hands it out, into JWT authorities. Entries
    /// without key ID cannot be referred to and are refused.
    ///
    /// # Errors
    /// When it is not a JWKS or a key cannot be read.
    pub fn from_jwks_json(trust_domain: TrustDomain, json: &[u8]) -> Result<Self, BundleFormError> {
        let set: JwkSet = serde_json::from_slice(json)?;
        let mut bundle = Self::empty(trust_domain);
        for (entry, key) in set.keys.iter().enumerate() {
            bundle.jwt_authorities.push(jwt_authority(entry, key)?);
        }
        Ok(bundle)
    }

    /// The X.509 authorities as PEM.
    pub fn to_pem(&self) -> String {
        let roots: Vec<&[u8]> = self
            .x509_authorities
            .iter()
            .map(|root| &*root.der)
            .collect();
        certificates_to_pem(&roots)
    }

    /// A bundle of the certificates in `pem`.
    ///
    /// # Errors
    /// When the PEM is malformed or holds no certificate.
    pub fn from_pem(trust_domain: TrustDomain, pem: &[u8]) -> Result<Self, BundleFormError> {
        let mut bundle = Self::empty(trust_domain);
        let roots = certificates_from_pem(pem)?.into_iter();
        bundle.x509_authorities = roots
            .map(|der| X509Authority {
                der,
                tainted: false,
            })
            .collect();
        Ok(bundle)
    }
}

fn jwk(entry: usize, spki_der: &[u8]) -> Result<Jwk, BundleFormError> {
    Jwk::from_public_key(spki_der).map_err(|source| BundleFormError::Key { entry, source })
}

fn root(entry: usize, key: &Jwk) -> Result<X509Authority, BundleFormError> {
    let [certificate] = key.x5c.as_slice() else {
        return Err(BundleFormError::NotOneCertificate {
            entry,
            found: key.x5c.len(),
        });
    };
    let bad = |reason: String| BundleFormError::BadCertificate { entry, reason };
    let der = STANDARD
        .decode(certificate)
        .map_err(|e| bad(e.to_string()))?;
    CertificateInfo::parse(&der).map_err(|e| bad(e.to_string()))?;
    Ok(X509Authority {
        der,
        tainted: false,
    })
}

fn jwt_authority(entry: usize, key: &Jwk) -> Result<JwtAuthority, BundleFormError> {
    if key.kid.is_empty() {
        return Err(BundleFormError::MissingKeyId(entry));
    }
    let public_key = key
        .public_key()
        .map_err(|source| BundleFormError::Key { entry, source })?;
    let key_id = key.kid.clone();
    Ok(JwtAuthority {
        key_id,
        public_key,
        expires_at: 0,
        tainted: false,
    })
}

/// JSON as Go's `MarshalIndent` with four spaces.
fn indented<T: Serialize>(value: &T) -> Result<String, BundleFormError> {
    let mut out = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    value.serialize(&mut serde_json::Serializer::with_formatter(
        &mut out, formatter,
    ))?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        key::{KeyType, PrivateKey},
        pem::certificates_from_pem,
    };

    fn bundle() -> Bundle {
        let der = certificates_from_pem(include_bytes!("openssl-certificate.pem"))
            .unwrap()
            .remove(0);
        let mut bundle = Bundle::empty(TrustDomain::parse("example.org").unwrap());
        bundle.x509_authorities.push(X509Authority {
            der,
            tainted: false,
        });
        for key_id in ["second", "first"] {
            let key = PrivateKey::generate(KeyType::EcP256).unwrap();
            bundle.jwt_authorities.push(JwtAuthority {
                key_id: key_id.to_owned(),
                public_key: key.public_key_der().to_vec(),
                expires_at: 0,
                tainted: false,
            });
        }
        bundle.sequence_number = 7;
        bundle.refresh_hint = 60;
        bundle
    }

    #[test]
    fn spiffe_json_goes_there_and_back_in_order() {
        let bundle = bundle();
        let json = bundle.to_spiffe_json().unwrap();
        assert!(
            json.starts_with(
                "{\n    \"keys\": [\n        {\n            \"use\": \"x509-svid\",\n"
            )
        );
        assert!(json.ends_with("    \"spiffe_sequence\": 7,\n    \"spiffe_refresh_hint\": 60\n}"));
        let read = Bundle::from_spiffe_json(bundle.trust_domain.clone(), &json).unwrap();
        assert_eq!(read, bundle);
    }

    #[test]
    fn workload_api_jwks_has_neither_use_nor_spiffe_members() {
        let bundle = bundle();
        let json = bundle.to_jwks_json().unwrap();
        assert!(!json.contains("\"use\"") && !json.contains("spiffe_") && !json.contains("x5c"));
        assert!(json.starts_with("{\n    \"keys\": [\n        {\n            \"kty\": \"EC\",\n"));
        let read = Bundle::from_jwks_json(bundle.trust_domain.clone(), json.as_bytes()).unwrap();
        assert_eq!(read.jwt_authorities, bundle.jwt_authorities);
        let empty = Bundle::empty(bundle.trust_domain.clone());
        assert_eq!(empty.to_jwks_json().unwrap(), "{\n    \"keys\": []\n}");
    }

    #[test]
    fn pem_goes_there_and_back() {
        let bundle = bundle();
        let read = Bundle::from_pem(bundle.trust_domain.clone(), bundle.to_pem().as_bytes());
        assert_eq!(read.unwrap().x509_authorities, bundle.x509_authorities);
    }

    #[test]
    fn entries_out_of_order_are_refused_by_name() {
        let refused = |json: &str| {
            let trust_domain = TrustDomain::parse("example.org").unwrap();
            Bundle::from_spiffe_json(trust_domain, json)
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            refused(r#"{"keys":[{"kty":"EC"}]}"#),
            "missing use for key entry 0"
        );
        assert_eq!(
            refused(r#"{"keys":[{"use":"x"}]}"#),
            "unrecognized use \"x\" for key entry 0"
        );
        assert_eq!(
            refused(r#"{"keys":[{"use":"x509-svid"}]}"#),
            "expected a single certificate in x509-svid entry 0; got 0"
        );
        assert_eq!(
            refused(r#"{"keys":[{"use":"jwt-svid"}]}"#),
            "missing key ID in jwt-svid entry 0"
        );
        assert!(refused(r#"{"keys":[{"use":"x509-svid","x5c":["AAAA"]}]}"#).contains("entry 0"));
        assert!(refused("garbage").starts_with("failed to decode bundle: "));
    }
}
