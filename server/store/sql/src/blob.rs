//! The messages inside rows.

use prost::Message as _;
use steeple_proto::store::{AdditionalAttributes, Bundle as BundleBlob, Certificate, PublicKey};
use steeple_spiffe::{Bundle, JwtAuthority, TrustDomain, X509Authority};
use steeple_store::{EntryAttributes, StoreError};

/// Encodes a bundle. `old` is the blob it replaces: its WIT keys, which nothing here reads, stay.
pub(crate) fn encode_bundle(bundle: &Bundle, old: Option<&[u8]>) -> Result<Vec<u8>, StoreError> {
    let wit_signing_keys = match old {
        Some(old) => decode::<BundleBlob>(old, "a bundle")?.wit_signing_keys,
        None => Vec::new(),
    };
    let x509 = bundle.x509_authorities.iter().map(|authority| Certificate {
        der_bytes: authority.der.clone().into(),
        tainted_key: authority.tainted,
    });
    let jwt = bundle.jwt_authorities.iter().map(|authority| PublicKey {
        pkix_bytes: authority.public_key.clone().into(),
        kid: authority.key_id.clone(),
        not_after: authority.expires_at,
        tainted_key: authority.tainted,
    });
    let blob = BundleBlob {
        trust_domain_id: bundle.trust_domain.id().to_string(),
        root_cas: x509.collect(),
        jwt_signing_keys: jwt.collect(),
        refresh_hint: bundle.refresh_hint,
        sequence_number: bundle.sequence_number,
        wit_signing_keys,
    };
    Ok(blob.encode_to_vec())
}

/// Decodes a bundle; `domain` is the column beside it.
pub(crate) fn decode_bundle(domain: &str, data: &[u8]) -> Result<Bundle, StoreError> {
    let blob: BundleBlob = decode(data, "a bundle")?;
    let trust_domain = TrustDomain::parse(domain).map_err(|error| {
        StoreError::Corrupt(format!(
            "the bundle of {domain:?}: invalid trust domain: {error}"
        ))
    })?;
    let x509 = blob.root_cas.into_iter();
    let jwt = blob.jwt_signing_keys.into_iter();
    Ok(Bundle {
        trust_domain,
        x509_authorities: x509
            .map(|root| X509Authority {
                der: root.der_bytes.to_vec(),
                tainted: root.tainted_key,
            })
            .collect(),
        jwt_authorities: jwt
            .map(|key| JwtAuthority {
                key_id: key.kid,
                public_key: key.pkix_bytes.to_vec(),
                expires_at: key.not_after,
                tainted: key.tainted_key,
            })
            .collect(),
        refresh_hint: blob.refresh_hint,
        sequence_number: blob.sequence_number,
    })
}

/// Encodes attributes; the default is no blob at all.
pub(crate) fn encode_attributes(attributes: EntryAttributes) -> Option<Vec<u8>> {
    let blob = AdditionalAttributes {
        disable_x509_svid_prefetch: attributes.disable_x509_svid_prefetch,
        jwt_svid_include_jti: attributes.jwt_svid_include_jti,
    };
    (attributes != EntryAttributes::default()).then(|| blob.encode_to_vec())
}

/// Decodes attributes.
pub(crate) fn decode_attributes(data: Option<&[u8]>) -> Result<EntryAttributes, StoreError> {
    let blob: AdditionalAttributes = decode(data.unwrap_or_default(), "an entry's attributes")?;
    Ok(EntryAttributes {
        disable_x509_svid_prefetch: blob.disable_x509_svid_prefetch,
        jwt_svid_include_jti: blob.jwt_svid_include_jti,
    })
}

/// Decodes any message; `what` is for the error.
pub(crate) fn decode<M: prost::Message + Default>(
    data: &[u8],
    what: &str,
) -> Result<M, StoreError> {
    M::decode(data)
        .map_err(|error| StoreError::Corrupt(format!("{what} cannot be decoded: {error}")))
}
