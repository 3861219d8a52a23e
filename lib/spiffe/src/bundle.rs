//! A trust domain's public keys (SPIFFE Trust Domain and Bundle standard, section 4).

use crate::TrustDomain;

/// An X.509 authority: a root certificate.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct X509Authority {
    /// The certificate, DER.
    pub der: Vec<u8>,
    /// Whether the key is to be given up: SVIDs under it must be replaced.
    pub tainted: bool,
}

/// A JWT authority: a public key that signs JWT-SVIDs.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct JwtAuthority {
    /// The `kid` in the tokens' header.
    pub key_id: String,
    /// The key as DER SubjectPublicKeyInfo.
    pub public_key: Vec<u8>,
    /// Unix seconds; 0 when it does not expire.
    pub expires_at: i64,
    /// Whether the key is to be given up.
    pub tainted: bool,
}

/// The bundle of one trust domain. Order of authorities is kept: oldest first.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Bundle {
    /// Whose keys these are.
    pub trust_domain: TrustDomain,
    /// X.509 roots.
    pub x509_authorities: Vec<X509Authority>,
    /// JWT signing keys.
    pub jwt_authorities: Vec<JwtAuthority>,
    /// How often consumers should look again, in seconds; 0 when unsaid.
    pub refresh_hint: i64,
    /// Grows with each change.
    pub sequence_number: u64,
}

impl Bundle {
    /// A bundle without keys.
    pub fn empty(trust_domain: TrustDomain) -> Self {
        Self {
            trust_domain,
            x509_authorities: Vec::new(),
            jwt_authorities: Vec::new(),
            refresh_hint: 0,
            sequence_number: 0,
        }
    }
}
