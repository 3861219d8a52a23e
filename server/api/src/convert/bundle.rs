//! Bundles.

use bytes::Bytes;
use steeple_proto::types;
use steeple_spiffe::{Bundle, JwtAuthority, TrustDomain, X509Authority, x509::CertificateInfo};

const ALL: types::BundleMask = types::BundleMask {
    x509_authorities: true,
    jwt_authorities: true,
    refresh_hint: true,
    sequence_number: true,
    wit_authorities: true,
};

/// A bundle for the wire, with what `mask` names; the trust domain is always there.
pub(crate) fn to_wire(bundle: &Bundle, mask: Option<&types::BundleMask>) -> types::Bundle {
    let mask = mask.unwrap_or(&ALL);
    let mut wire = types::Bundle {
        trust_domain: bundle.trust_domain.to_string(),
        ..types::Bundle::default()
    };
    if mask.x509_authorities {
        wire.x509_authorities = bundle.x509_authorities.iter().map(x509_to_wire).collect();
    }
    if mask.jwt_authorities {
        wire.jwt_authorities = bundle.jwt_authorities.iter().map(jwt_to_wire).collect();
    }
    if mask.refresh_hint {
        wire.refresh_hint = bundle.refresh_hint;
    }
    if mask.sequence_number {
        wire.sequence_number = bundle.sequence_number;
    }
    wire
}

fn x509_to_wire(authority: &X509Authority) -> types::X509Certificate {
    types::X509Certificate {
        asn1: Bytes::copy_from_slice(&authority.der),
        tainted: authority.tainted,
    }
}

fn jwt_to_wire(authority: &JwtAuthority) -> types::JwtKey {
    types::JwtKey {
        public_key: Bytes::copy_from_slice(&authority.public_key),
        key_id: authority.key_id.clone(),
        expires_at: authority.expires_at,
        tainted: authority.tainted,
    }
}

/// Reads X.509 authorities. Whether one is tainted is not the caller's to say.
pub(crate) fn x509_from_wire(
    wire: Vec<types::X509Certificate>,
) -> Result<Vec<X509Authority>, String> {
    let read = |certificate: types::X509Certificate| {
        CertificateInfo::parse(&certificate.asn1).map_err(|error| error.to_string())?;
        Ok(X509Authority {
            der: certificate.asn1.to_vec(),
            tainted: false,
        })
    };
    wire.into_iter().map(read).collect()
}

/// Reads JWT authorities. Whether one is tainted is not the caller's to say.
pub(crate) fn jwt_from_wire(wire: Vec<types::JwtKey>) -> Result<Vec<JwtAuthority>, String> {
    let read = |key: types::JwtKey| {
        steeple_spiffe::key::PublicKeyKind::of(&key.public_key)
            .map_err(|error| error.to_string())?;
        if key.key_id.is_empty() {
            return Err("missing key ID".to_owned());
        }
        Ok(JwtAuthority {
            key_id: key.key_id,
            public_key: key.public_key.to_vec(),
            expires_at: key.expires_at,
            tainted: false,
        })
    };
    wire.into_iter().map(read).collect()
}

/// Reads the bundle of `trust_domain`.
pub(crate) fn from_wire(trust_domain: TrustDomain, wire: types::Bundle) -> Result<Bundle, String> {
    let x509_authorities = x509_from_wire(wire.x509_authorities)
        .map_err(|why| format!("unable to parse X.509 authority: {why}"))?;
    let jwt_authorities = jwt_from_wire(wire.jwt_authorities)
        .map_err(|why| format!("unable to parse JWT authority: {why}"))?;
    Ok(Bundle {
        trust_domain,
        x509_authorities,
        jwt_authorities,
        refresh_hint: wire.refresh_hint,
        sequence_number: wire.sequence_number,
    })
}
