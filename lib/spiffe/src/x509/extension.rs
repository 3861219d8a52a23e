//! The extensions that SVIDs and CAs carry, each as one value ready for a draft.

use const_oid::{AssociatedOid, db::rfc5280};
use der::{
    Encode,
    asn1::{Ia5String, OctetString},
};
use x509_cert::ext::{
    Extension,
    pkix::{
        AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages,
        SubjectAltName, SubjectKeyIdentifier, name::GeneralName,
    },
};

use super::X509Error;

fn build<T: AssociatedOid + Encode>(critical: bool, value: &T) -> Result<Extension, X509Error> {
    Ok(Extension {
        extn_id: T::OID,
        critical,
        extn_value: OctetString::new(value.to_der()?)?,
    })
}

/// Key usage of an SVID: digitalSignature, keyEncipherment, keyAgreement; critical.
///
/// # Errors
/// When it cannot be encoded.
pub fn svid_key_usage() -> Result<Extension, X509Error> {
    let usages = KeyUsages::DigitalSignature | KeyUsages::KeyEncipherment | KeyUsages::KeyAgreement;
    build(true, &KeyUsage(usages))
}

/// Key usage of a CA: keyCertSign, cRLSign; critical.
///
/// # Errors
/// When it cannot be encoded.
pub fn ca_key_usage() -> Result<Extension, X509Error> {
    build(true, &KeyUsage(KeyUsages::KeyCertSign | KeyUsages::CRLSign))
}

/// Extended key usage of an SVID: serverAuth and clientAuth.
///
/// # Errors
/// When it cannot be encoded.
pub fn svid_extended_key_usage() -> Result<Extension, X509Error> {
    let usages = vec![rfc5280::ID_KP_SERVER_AUTH, rfc5280::ID_KP_CLIENT_AUTH];
    build(false, &ExtendedKeyUsage(usages))
}

/// Basic constraints without a path length; critical.
///
/// # Errors
/// When it cannot be encoded.
pub fn basic_constraints(ca: bool) -> Result<Extension, X509Error> {
    build(
        true,
        &BasicConstraints {
            ca,
            path_len_constraint: None,
        },
    )
}

/// Subject key identifier.
///
/// # Errors
/// When it cannot be encoded.
pub fn subject_key_id(id: &[u8]) -> Result<Extension, X509Error> {
    build(false, &SubjectKeyIdentifier(OctetString::new(id)?))
}

/// Authority key identifier, key identifier only.
///
/// # Errors
/// When it cannot be encoded.
pub fn authority_key_id(id: &[u8]) -> Result<Extension, X509Error> {
    let value = AuthorityKeyIdentifier {
        key_identifier: Some(OctetString::new(id)?),
        ..AuthorityKeyIdentifier::default()
    };
    build(false, &value)
}

/// Subject alternative names: DNS names first, then URIs.
///
/// # Errors
/// When a name has characters outside ASCII.
pub fn subject_alt_name<D, U>(dns_names: &[D], uris: &[U]) -> Result<Extension, X509Error>
where
    D: AsRef<str>,
    U: AsRef<str>,
{
    let mut names = Vec::with_capacity(dns_names.len() + uris.len());
    for name in dns_names {
        names.push(GeneralName::DnsName(Ia5String::new(name.as_ref())?));
    }
    for uri in uris {
        names.push(GeneralName::UniformResourceIdentifier(Ia5String::new(
            uri.as_ref(),
        )?));
    }
    build(false, &SubjectAltName(names))
}
