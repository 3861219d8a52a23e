//! Key identifiers: SHA-1 over the key's bit string (RFC 5280 4.2.1.2, method 1), whose hex form
//! is the *authority ID* in SPIRE's APIs, logs and journal.

use aws_lc_rs::digest;
use spki::SubjectPublicKeyInfoRef;

use crate::key::KeyError;

/// The identifier of the key in `spki_der`, a DER SubjectPublicKeyInfo.
///
/// # Errors
/// When the bytes are no such structure.
pub fn subject_key_id(spki_der: &[u8]) -> Result<[u8; 20], KeyError> {
    let spki =
        SubjectPublicKeyInfoRef::try_from(spki_der).map_err(|_| KeyError::UnsupportedPublicKey)?;
    let bits = spki.subject_public_key.raw_bytes();
    let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, bits);
    let mut id = [0; 20];
    id.copy_from_slice(digest.as_ref());
    Ok(id)
}

/// The authority ID of the key in `spki_der`: lower-case hex of its [`subject_key_id`].
///
/// # Errors
/// When the bytes are no SubjectPublicKeyInfo.
pub fn authority_id(spki_der: &[u8]) -> Result<String, KeyError> {
    subject_key_id(spki_der).map(|id| text(&id))
}

/// A key identifier as SPIRE writes it: lower-case hex.
pub fn text(key_id: &[u8]) -> String {
    hex::encode(key_id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{pem::certificates_from_pem, x509::CertificateInfo};

    #[test]
    fn is_what_openssl_computes() {
        let pem = include_bytes!("openssl-certificate.pem");
        let der = certificates_from_pem(pem).unwrap().remove(0);
        let info = CertificateInfo::parse(&der).unwrap();
        let computed = subject_key_id(&info.public_key).unwrap();
        assert_eq!(info.subject_key_id.as_deref(), Some(&computed[..]));
        let text = "9cf9d3a8d1f841f15b3040d7b90b5b9e3314b13c";
        assert_eq!(authority_id(&info.public_key).unwrap(), text);
        authority_id(b"garbage").unwrap_err();
    }
}
