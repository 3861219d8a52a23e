//! What is in a certificate, read once and kept as owned values.

use std::fmt;

use jiff::Timestamp;
use x509_parser::{
    certificate::X509Certificate,
    extensions::{GeneralName, ParsedExtension},
    time::ASN1Time,
};

use super::X509Error;
use crate::keyid;

/// A certificate's serial number; displays in decimal, as SPIRE stores it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Serial(Vec<u8>);

impl Serial {
    /// From big-endian bytes, with or without leading zeros.
    pub fn from_be_bytes(bytes: &[u8]) -> Self {
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        Self(bytes.get(zeros..).unwrap_or_default().to_vec())
    }

    /// Big-endian bytes without leading zeros; empty for zero.
    pub fn as_be_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Long division by 10^9, least significant group first; a serial has at most 20 bytes.
        const GROUP: u64 = 1_000_000_000;
        let mut number = self.0.clone();
        let mut groups = Vec::new();
        while number.iter().any(|byte| *byte != 0) {
            let mut rest = 0;
            for byte in &mut number {
                let value = rest << 8 | u64::from(*byte);
                *byte = (value / GROUP) as u8;
                rest = value % GROUP;
            }
            groups.push(rest);
        }
        let Some(first) = groups.pop() else {
            return f.write_str("0");
        };
        write!(f, "{first}")?;
        groups
            .iter()
            .rev()
            .try_for_each(|group| write!(f, "{group:09}"))
    }
}

/// The parts of a certificate that anything here asks for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CertificateInfo {
    /// The certificate itself, DER.
    pub der: Vec<u8>,
    /// Serial number.
    pub serial: Serial,
    /// The subject, a DER Name, byte for byte.
    pub subject: Vec<u8>,
    /// The issuer, a DER Name, byte for byte.
    pub issuer: Vec<u8>,
    /// First moment of validity.
    pub not_before: Timestamp,
    /// Last moment of validity.
    pub not_after: Timestamp,
    /// The public key as DER SubjectPublicKeyInfo.
    pub public_key: Vec<u8>,
    /// The subject key identifier extension, where there is one.
    pub subject_key_id: Option<Vec<u8>>,
    /// The key identifier in the authority key identifier extension, where there is one.
    pub authority_key_id: Option<Vec<u8>>,
    /// Whether basic constraints say CA.
    pub is_ca: bool,
    /// The key usage extension, where there is one.
    pub key_usage: Option<KeyUsage>,
    /// URI SANs as they stand there.
    pub uris: Vec<String>,
    /// DNS SANs as they stand there.
    pub dns_names: Vec<String>,
}

/// digitalSignature, keyCertSign and cRLSign: bits 0, 5 and 6, counted from the lowest.
const KNOWN_USAGES: u16 = 1 | 1 << 5 | 1 << 6;

/// The key usages that the rules here ask about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct KeyUsage {
    /// digitalSignature.
    pub digital_signature: bool,
    /// keyCertSign.
    pub key_cert_sign: bool,
    /// cRLSign.
    pub crl_sign: bool,
    /// Any usage besides these three.
    pub other: bool,
}

impl CertificateInfo {
    /// Reads a DER certificate. Nothing is verified.
    ///
    /// # Errors
    /// When the bytes are not exactly one certificate.
    pub fn parse(der: &[u8]) -> Result<Self, X509Error> {
        let malformed = |reason: String| X509Error::Malformed(reason);
        let (rest, certificate) =
            x509_parser::parse_x509_certificate(der).map_err(|e| malformed(e.to_string()))?;
        if !rest.is_empty() {
            return Err(malformed(format!(
                "{} bytes follow the certificate",
                rest.len()
            )));
        }
        let mut info = Self {
            der: der.to_vec(),
            serial: Serial::from_be_bytes(certificate.raw_serial()),
            subject: certificate.subject().as_raw().to_vec(),
            issuer: certificate.issuer().as_raw().to_vec(),
            not_before: timestamp(certificate.validity().not_before)?,
            not_after: timestamp(certificate.validity().not_after)?,
            public_key: certificate.public_key().raw.to_vec(),
            subject_key_id: None,
            authority_key_id: None,
            is_ca: false,
            key_usage: None,
            uris: Vec::new(),
            dns_names: Vec::new(),
        };
        info.read_extensions(&certificate)?;
        Ok(info)
    }

    fn read_extensions(&mut self, certificate: &X509Certificate<'_>) -> Result<(), X509Error> {
        for extension in certificate.extensions() {
            match extension.parsed_extension() {
                ParsedExtension::SubjectKeyIdentifier(id) => {
                    self.subject_key_id = Some(id.0.to_vec());
                }
                ParsedExtension::AuthorityKeyIdentifier(id) => {
                    self.authority_key_id = id.key_identifier.as_ref().map(|id| id.0.to_vec());
                }
                ParsedExtension::BasicConstraints(constraints) => self.is_ca = constraints.ca,
                ParsedExtension::KeyUsage(usage) => {
                    self.key_usage = Some(KeyUsage {
                        digital_signature: usage.digital_signature(),
                        key_cert_sign: usage.key_cert_sign(),
                        crl_sign: usage.crl_sign(),
                        other: usage.flags & !KNOWN_USAGES != 0,
                    });
                }
                ParsedExtension::SubjectAlternativeName(names) => {
                    for name in &names.general_names {
                        match name {
                            GeneralName::URI(uri) => self.uris.push((*uri).to_owned()),
                            GeneralName::DNSName(dns) => self.dns_names.push((*dns).to_owned()),
                            _ => {}
                        }
                    }
                }
                ParsedExtension::ParseError { error } => {
                    return Err(X509Error::Malformed(format!(
                        "extension {}: {error}",
                        extension.oid
                    )));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The authority ID of the certificate's key: hex of its subject key identifier, or of the
    /// one computed from the key where the extension is missing.
    ///
    /// # Errors
    /// When the extension is missing and the key cannot be read.
    pub fn authority_id(&self) -> Result<String, X509Error> {
        match &self.subject_key_id {
            Some(id) => Ok(keyid::text(id)),
            None => Ok(keyid::authority_id(&self.public_key)?),
        }
    }

    /// The authority ID of the key that signed it; empty for a self-signed certificate without
    /// an authority key identifier.
    pub fn issuer_authority_id(&self) -> String {
        self.authority_key_id
            .as_deref()
            .map(keyid::text)
            .unwrap_or_default()
    }

    /// The middle of its validity, counted from `not_before`: when it should be replaced.
    pub fn half_life(&self) -> Timestamp {
        self.not_before + self.not_after.duration_since(self.not_before) / 2
    }
}

fn timestamp(time: ASN1Time) -> Result<Timestamp, X509Error> {
    Timestamp::from_second(time.timestamp())
        .map_err(|e| X509Error::Malformed(format!("validity: {e}")))
}
