//! Bundles as the server sends them.

use steeple_proto::types;
use steeple_spiffe::{Bundle, IdError, JwtAuthority, TrustDomain, X509Authority};

/// Why a bundle of the server cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// Its trust domain is invalid.
    #[error("invalid trust domain: {0}")]
    TrustDomain(IdError),
    /// A JWT key has no id, so no token could name it.
    #[error("missing key ID of a JWT authority")]
    NoKeyId,
}

/// Reads the server's form.
pub(crate) fn from_proto(bundle: types::Bundle) -> Result<Bundle, BundleError> {
    let trust_domain =
        TrustDomain::parse(&bundle.trust_domain).map_err(BundleError::TrustDomain)?;
    let jwt_authorities = bundle.jwt_authorities.into_iter().map(|key| {
        if key.key_id.is_empty() {
            return Err(BundleError::NoKeyId);
        }
        Ok(JwtAuthority {
            key_id: key.key_id,
            public_key: key.public_key.into(),
            expires_at: key.expires_at,
            tainted: key.tainted,
        })
    });
    Ok(Bundle {
        trust_domain,
        jwt_authorities: jwt_authorities.collect::<Result<_, _>>()?,
        x509_authorities: bundle
            .x509_authorities
            .into_iter()
            .map(|root| X509Authority {
                der: root.asn1.into(),
                tainted: root.tainted,
            })
            .collect(),
        refresh_hint: bundle.refresh_hint,
        sequence_number: bundle.sequence_number,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_keys_in_order_with_their_taint() {
        let root = |der: &'static [u8], tainted| types::X509Certificate {
            asn1: der.into(),
            tainted,
        };
        let proto = types::Bundle {
            trust_domain: "example.org".to_owned(),
            x509_authorities: vec![root(b"2", true), root(b"1", false)],
            jwt_authorities: vec![types::JwtKey {
                key_id: "k".to_owned(),
                ..Default::default()
            }],
            ..Default::default()
        };
        let bundle = from_proto(proto.clone()).unwrap();
        assert_eq!(
            bundle.x509_authorities[0],
            X509Authority {
                der: b"2".to_vec(),
                tainted: true
            }
        );
        assert_eq!(bundle.jwt_authorities[0].key_id, "k");
        let bad = types::Bundle {
            trust_domain: "A".to_owned(),
            ..proto
        };
        assert!(matches!(from_proto(bad), Err(BundleError::TrustDomain(_))));
    }
}
