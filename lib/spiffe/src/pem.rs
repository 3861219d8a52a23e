//! PEM in and out: certificates and private keys.

use pem_rfc7468::LineEnding;
use rustls_pki_types::pem::{PemObject, SectionKind};
use zeroize::Zeroizing;

use crate::key::{KeyError, PrivateKey};

/// Why a PEM text could not be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PemError {
    /// The text breaks PEM's own rules, such as a missing end line.
    #[error("malformed PEM: {0}")]
    Malformed(String),
    /// There is no certificate in it.
    #[error("no PEM block of type CERTIFICATE found")]
    NoCertificate,
    /// A block is a certificate by its label but not by its content.
    #[error("PEM block {0} is not a certificate")]
    NotACertificate(usize),
    /// There is no private key in it, or one encrypted with a passphrase.
    #[error(
        "no PEM block of type PRIVATE KEY, EC PRIVATE KEY or RSA PRIVATE KEY found \
         (keys encrypted with a passphrase cannot be used)"
    )]
    NoKey,
    /// A block is a private key by its label but cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
}

struct Section(SectionKind, Vec<u8>);

impl PemObject for Section {
    fn from_pem(kind: SectionKind, der: Vec<u8>) -> Option<Self> {
        Some(Self(kind, der))
    }
}

fn sections(pem: &[u8]) -> impl Iterator<Item = Result<Section, PemError>> {
    Section::pem_slice_iter(pem)
        .map(|section| section.map_err(|e| PemError::Malformed(e.to_string())))
}

/// Reads every certificate in `pem`, in order, as DER. Other blocks and text between blocks are
/// passed over.
///
/// # Errors
/// When the PEM is malformed, a block is no certificate, or there is none at all.
pub fn certificates_from_pem(pem: &[u8]) -> Result<Vec<Vec<u8>>, PemError> {
    let certificates = certificates_from_pem_or_none(pem)?;
    if certificates.is_empty() {
        return Err(PemError::NoCertificate);
    }
    Ok(certificates)
}

/// Like [`certificates_from_pem`], but an empty list is fine.
///
/// # Errors
/// When the PEM is malformed or a block is no certificate.
pub fn certificates_from_pem_or_none(pem: &[u8]) -> Result<Vec<Vec<u8>>, PemError> {
    let mut certificates = Vec::new();
    for section in sections(pem) {
        let Section(kind, der) = section?;
        if kind != SectionKind::Certificate {
            continue;
        }
        let at = certificates.len() + 1;
        match x509_parser::parse_x509_certificate(&der) {
            Ok(([], _)) => certificates.push(der),
            _ => return Err(PemError::NotACertificate(at)),
        }
    }
    Ok(certificates)
}

/// Writes certificates, DER, as PEM, one block after the other.
pub fn certificates_to_pem<C: AsRef<[u8]>>(certificates: &[C]) -> String {
    certificates
        .iter()
        .map(|der| block("CERTIFICATE", der.as_ref()))
        .collect()
}

/// Reads the first private key in `pem`: PKCS#8, SEC1 or PKCS#1.
///
/// # Errors
/// When the PEM is malformed, or holds no key that can be used.
pub fn private_key_from_pem(pem: &[u8]) -> Result<PrivateKey, PemError> {
    for section in sections(pem) {
        let Section(kind, der) = section?;
        let der = Zeroizing::new(der);
        if matches!(
            kind,
            SectionKind::PrivateKey | SectionKind::EcPrivateKey | SectionKind::RsaPrivateKey
        ) {
            return Ok(PrivateKey::from_der(&der)?);
        }
    }
    Err(PemError::NoKey)
}

/// Writes a private key, given as PKCS#8 DER, as PEM.
pub fn private_key_to_pem(pkcs8_der: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(block("PRIVATE KEY", pkcs8_der))
}

/// Writes a public key, given as DER SubjectPublicKeyInfo, as PEM.
pub fn public_key_to_pem(spki_der: &[u8]) -> String {
    block("PUBLIC KEY", spki_der)
}

fn block(label: &str, der: &[u8]) -> String {
    // Encoding into a String of the length computed for it fails for labels with illegal
    // characters only, and ours are constants.
    pem_rfc7468::encode_string(label, LineEnding::LF, der).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::KeyType;

    const CERTIFICATE: &str = include_str!("openssl-certificate.pem");

    #[test]
    fn certificates_are_found_among_other_text() {
        let key = PrivateKey::generate(KeyType::EcP256).unwrap();
        let key = private_key_to_pem(key.pkcs8_der());
        let text = format!(
            "Subject: C=US\n{CERTIFICATE}\n# note\n{}{CERTIFICATE}",
            *key
        );
        let certificates = certificates_from_pem(text.as_bytes()).unwrap();
        assert_eq!(certificates.len(), 2);
        assert_eq!(certificates_to_pem(&certificates[..1]), CERTIFICATE);
        let crlf = CERTIFICATE.replace('\n', "\r\n");
        assert_eq!(
            certificates_from_pem(crlf.as_bytes()).unwrap(),
            certificates[..1]
        );
    }

    #[test]
    fn what_is_no_certificate_is_refused() {
        assert_eq!(certificates_from_pem(b""), Err(PemError::NoCertificate));
        assert_eq!(certificates_from_pem_or_none(b"text"), Ok(vec![]));
        let other = block("CERTIFICATE", b"garbage");
        assert_eq!(
            certificates_from_pem(other.as_bytes()),
            Err(PemError::NotACertificate(1))
        );
        let cut = &CERTIFICATE[..CERTIFICATE.len() - 30];
        assert!(matches!(
            certificates_from_pem(cut.as_bytes()),
            Err(PemError::Malformed(_))
        ));
    }

    #[test]
    fn private_keys_are_read_back() {
        let key = PrivateKey::generate(KeyType::EcP256).unwrap();
        let pem = private_key_to_pem(key.pkcs8_der());
        assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----\n") && pem.ends_with("-----\n"));
        let read = private_key_from_pem(pem.as_bytes()).unwrap();
        assert_eq!(read.pkcs8_der(), key.pkcs8_der());
        assert_eq!(
            private_key_from_pem(CERTIFICATE.as_bytes()).map(drop),
            Err(PemError::NoKey)
        );
        let encrypted = pem.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
        assert_eq!(
            private_key_from_pem(encrypted.as_bytes()).map(drop),
            Err(PemError::NoKey)
        );
    }
}
