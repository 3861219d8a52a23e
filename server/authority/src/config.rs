//! What the authority is configured with.

use std::time::Duration;

use steeple_plugin_sdk::keymanager::KeyType;
use steeple_spiffe::{TrustDomain, x509::NameBuilder};

/// Settings, defaults applied.
#[derive(Clone, Debug)]
pub struct AuthorityConfig {
    /// Whose authority it is.
    pub trust_domain: TrustDomain,
    /// The X.509 CA's key type; the server's own SVID has a key of this type too.
    pub ca_key_type: KeyType,
    /// The JWT key's type.
    pub jwt_key_type: KeyType,
    /// The CA's subject. An empty serialNumber is replaced by the certificate's serial number.
    pub ca_subject: NameBuilder,
    /// How long a CA certificate and a JWT key live.
    pub ca_ttl: Duration,
    /// How long an agent's SVID lives.
    pub agent_ttl: Duration,
    /// How long an X.509-SVID lives where its entry does not say.
    pub default_x509_svid_ttl: Duration,
    /// How long a JWT-SVID lives where its entry does not say.
    pub default_jwt_svid_ttl: Duration,
    /// Whether there are no JWT-SVIDs, hence no JWT keys.
    pub jwt_disabled: bool,
    /// The `iss` of JWT-SVIDs.
    pub jwt_issuer: Option<String>,
}

impl AuthorityConfig {
    /// SPIRE's defaults: `C=US, O=SPIFFE`, EC P-256, CA 24 h, X.509-SVIDs 1 h, JWT-SVIDs 5 min.
    pub fn defaults(trust_domain: TrustDomain) -> Self {
        const HOUR: Duration = Duration::from_secs(3600);
        Self {
            trust_domain,
            ca_key_type: KeyType::EcP256,
            jwt_key_type: KeyType::EcP256,
            ca_subject: NameBuilder::us("SPIFFE"),
            ca_ttl: 24 * HOUR,
            agent_ttl: HOUR,
            default_x509_svid_ttl: HOUR,
            default_jwt_svid_ttl: Duration::from_secs(300),
            jwt_disabled: false,
            jwt_issuer: None,
        }
    }
}
