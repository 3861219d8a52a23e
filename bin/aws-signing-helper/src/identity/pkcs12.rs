//! PKCS#12 files, as browsers, Java and OpenSSL write them, old ciphers and new.

use p12_keystore::Pkcs12Archive;
use steeple_spiffe::{key::same_public_key, x509::CertificateInfo};

use super::key::PrivateKey;

/// What is in a file: the leaf, the other certificates, the key.
pub(super) struct Contents {
    pub(super) leaf: Vec<u8>,
    pub(super) chain: Vec<Vec<u8>>,
    pub(super) key: PrivateKey,
}

/// Opens a file. The leaf is the certificate that the key belongs to.
///
/// # Errors
/// Says why: no PKCS#12, wrong password, no pair of key and certificate.
pub(super) fn open(file: &[u8], password: &str) -> Result<Contents, String> {
    let archive = Pkcs12Archive::from_pkcs12(file, password).map_err(|error| match password {
        "" => format!("{error} (a password, if it has one, is given by --pkcs8-password)"),
        _ => error.to_string(),
    })?;
    let stored = archive.keys.first().ok_or("it holds no private key")?;
    let key = PrivateKey::from_der(stored.key.as_der()).map_err(|error| error.to_string())?;
    let certificates: Vec<&[u8]> = archive.certs.iter().map(|bag| bag.cert.as_der()).collect();
    let own = |der: &&&[u8]| {
        let info = CertificateInfo::parse(der);
        info.is_ok_and(|info| same_public_key(&info.public_key, key.public_der()))
    };
    let leaf = *certificates
        .iter()
        .find(own)
        .ok_or("none of its certificates belongs to its key")?;
    let chain = certificates
        .iter()
        .filter(|der| **der != leaf)
        .map(|der| der.to_vec())
        .collect();
    Ok(Contents {
        leaf: leaf.to_vec(),
        chain,
        key,
    })
}
