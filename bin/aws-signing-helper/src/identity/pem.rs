//! What is in a PEM file: certificates, and a private key in any of its wrappings.

use rustls_pki_types::pem::{Error, PemObject, SectionKind};
use zeroize::Zeroizing;

/// A block that is of use.
enum Block {
    Certificate(Vec<u8>),
    Key(Vec<u8>),
    Other(String),
}

impl PemObject for Block {
    fn from_pem(kind: SectionKind, der: Vec<u8>) -> Option<Self> {
        Some(match kind {
            SectionKind::Certificate => Self::Certificate(der),
            SectionKind::PrivateKey | SectionKind::EcPrivateKey | SectionKind::RsaPrivateKey => {
                Self::Key(der)
            }
            other => Self::Other(format!("{other:?}")),
        })
    }
}

/// Why a PEM file is of no use.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum PemError {
    /// It breaks PEM's own rules.
    #[error("malformed PEM: {0}")]
    Malformed(String),
    /// A block that is no certificate, where only certificates belong.
    #[error("it holds a {0} block among the certificates")]
    Foreign(String),
    /// Nothing in it.
    #[error("it holds no certificate")]
    NoCertificate,
    /// No key in it.
    #[error("it holds no private key")]
    NoKey,
    /// A key in a form whose encryption is broken, so that nothing here reads it.
    #[error(
        "its private key is encrypted the old way (Proc-Type: 4,ENCRYPTED); convert it with \
         `openssl pkcs8 -topk8`"
    )]
    OldEncryption,
    /// A key that only a TPM can use.
    #[error("it holds a TPM key (TSS2 PRIVATE KEY): TPM keys are not supported yet")]
    Tpm,
}

/// A private key as it lies in a file.
#[derive(Debug)]
pub(crate) enum StoredKey {
    /// PKCS#8, SEC1 or PKCS#1, DER.
    Plain(Zeroizing<Vec<u8>>),
    /// Encrypted PKCS#8, DER.
    Encrypted(Vec<u8>),
}

/// Whether the bytes look like PEM at all.
pub(crate) fn is_pem(bytes: &[u8]) -> bool {
    bytes
        .windows(b"-----BEGIN ".len())
        .any(|window| window == b"-----BEGIN ")
}

fn blocks(pem: &[u8]) -> impl Iterator<Item = Result<Block, PemError>> {
    Block::pem_slice_iter(pem)
        .map(|block| block.map_err(|error| PemError::Malformed(explain(&error))))
}

/// The library shows a marker that is missing as numbers.
fn explain(error: &Error) -> String {
    match error {
        Error::MissingSectionEnd { end_marker } => {
            let label = String::from_utf8_lossy(end_marker);
            format!("the line -----END {label}----- is missing")
        }
        other => other.to_string(),
    }
}

/// All certificates, in order, DER. Other blocks are passed over: a key may lie in the same file.
///
/// # Errors
/// When the PEM is malformed or holds none.
pub(crate) fn certificates(pem: &[u8]) -> Result<Vec<Vec<u8>>, PemError> {
    let mut certificates = Vec::new();
    for block in blocks(pem) {
        if let Block::Certificate(der) = block? {
            certificates.push(der);
        }
    }
    if certificates.is_empty() {
        return Err(PemError::NoCertificate);
    }
    Ok(certificates)
}

/// All certificates of a file in which nothing else belongs.
///
/// # Errors
/// As [`certificates`], and for any other block.
pub(crate) fn only_certificates(pem: &[u8]) -> Result<Vec<Vec<u8>>, PemError> {
    for block in blocks(pem) {
        match block? {
            Block::Certificate(_) => {}
            Block::Key(_) => return Err(PemError::Foreign("private key".to_owned())),
            Block::Other(kind) => return Err(PemError::Foreign(kind)),
        }
    }
    certificates(pem)
}

/// The first private key.
///
/// # Errors
/// When the PEM is malformed or holds none that can be used.
pub(crate) fn private_key(pem: &[u8]) -> Result<StoredKey, PemError> {
    // These labels are unknown to the parser, which passes over what it does not know.
    if let Some(der) = labelled(pem, "ENCRYPTED PRIVATE KEY")? {
        return Ok(StoredKey::Encrypted(der));
    }
    let text = String::from_utf8_lossy(pem);
    if text.contains("-----BEGIN TSS2 PRIVATE KEY-----") {
        return Err(PemError::Tpm);
    }
    if text.contains("Proc-Type: 4,ENCRYPTED") {
        return Err(PemError::OldEncryption);
    }
    for block in blocks(pem) {
        if let Block::Key(der) = block? {
            return Ok(StoredKey::Plain(Zeroizing::new(der)));
        }
    }
    Err(PemError::NoKey)
}

/// The first block with a label that the parser does not know: it is read under another one.
fn labelled(pem: &[u8], label: &str) -> Result<Option<Vec<u8>>, PemError> {
    let text = String::from_utf8_lossy(pem);
    let (begin, end) = (
        format!("-----BEGIN {label}-----"),
        format!("-----END {label}-----"),
    );
    let Some((_, rest)) = text.split_once(&begin) else {
        return Ok(None);
    };
    let Some((body, _)) = rest.split_once(&end) else {
        return Err(PemError::Malformed(format!("no line {end:?}")));
    };
    let as_certificate = format!("-----BEGIN CERTIFICATE-----{body}-----END CERTIFICATE-----\n");
    certificates(as_certificate.as_bytes()).map(|ders| ders.into_iter().next())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nAAEC\n-----END CERTIFICATE-----\n";
    const KEY: &str = "-----BEGIN EC PRIVATE KEY-----\nAwQF\n-----END EC PRIVATE KEY-----\n";
    const PARAMETERS: &str =
        "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";

    #[test]
    fn blocks_are_told_apart() {
        let pem = format!("text\n{PARAMETERS}{KEY}\n\n{CERTIFICATE}\ntext\n{CERTIFICATE}");
        assert!(is_pem(pem.as_bytes()));
        assert_eq!(
            certificates(pem.as_bytes()).unwrap(),
            [[0, 1, 2], [0, 1, 2]]
        );
        match private_key(pem.as_bytes()).unwrap() {
            StoredKey::Plain(der) => assert_eq!(**der, [3, 4, 5]),
            other => panic!("{other:?}"),
        }
        assert_eq!(
            only_certificates(pem.as_bytes()),
            Err(PemError::Foreign("private key".to_owned()))
        );
        let two = format!("# a comment\n{CERTIFICATE}\n{CERTIFICATE}");
        assert_eq!(only_certificates(two.as_bytes()).unwrap().len(), 2);
    }

    #[test]
    fn encrypted_keys_are_found() {
        let pem = KEY.replace("EC PRIVATE", "ENCRYPTED PRIVATE");
        match private_key(pem.as_bytes()).unwrap() {
            StoredKey::Encrypted(der) => assert_eq!(der, [3, 4, 5]),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_of_no_use_is_named() {
        let old = KEY.replace("AwQF", "Proc-Type: 4,ENCRYPTED\nDEK-Info: X,00\n\nAwQF");
        let tpm = KEY.replace("EC PRIVATE", "TSS2 PRIVATE");
        for (pem, error) in [
            (CERTIFICATE, PemError::NoKey),
            (&old, PemError::OldEncryption),
            (&tpm, PemError::Tpm),
        ] {
            assert_eq!(private_key(pem.as_bytes()).map(drop), Err(error));
        }
        assert_eq!(certificates(KEY.as_bytes()), Err(PemError::NoCertificate));
        let cut = &CERTIFICATE[..40];
        assert!(matches!(
            certificates(cut.as_bytes()),
            Err(PemError::Malformed(_))
        ));
        assert!(!is_pem(b"\x30\x82"));
    }
}
