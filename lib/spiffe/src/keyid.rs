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
