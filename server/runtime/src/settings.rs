//! From the checked configuration to the settings of the rooms below.

use steeple_authority::AuthorityConfig;
use steeple_spiffe::x509::NameBuilder;

use crate::config::{CaSubject, ServerConfig};

/// The authority's settings.
pub(crate) fn authority(config: &ServerConfig) -> AuthorityConfig {
    AuthorityConfig {
        trust_domain: config.trust_domain.clone(),
        ca_key_type: config.ca_key_type,
        jwt_key_type: config.jwt_key_type,
        ca_subject: subject(&config.ca_subject),
        ca_ttl: config.ca_ttl,
        agent_ttl: config.agent_ttl.unwrap_or(config.default_x509_svid_ttl),
        default_x509_svid_ttl: config.default_x509_svid_ttl,
        default_jwt_svid_ttl: config.default_jwt_svid_ttl,
        jwt_disabled: config.disable_jwt_svids,
        jwt_issuer: config.jwt_issuer.clone(),
    }
}

fn subject(subject: &CaSubject) -> NameBuilder {
    NameBuilder {
        country: subject.country.clone(),
        organization: subject.organization.clone(),
        common_name: subject.common_name.clone(),
        ..NameBuilder::default()
    }
}
