//! PKCS#10 certificate signing requests: read with their signature checked, and built for local
//! or remote signers.

use const_oid::db::rfc5912;
use der::{
    Any, Decode, Encode, Sequence,
    asn1::{BitString, SetOfVec},
};
use spki::SubjectPublicKeyInfoRef;
use x509_cert::{attr::Attribute, ext::Extension, request::ExtensionReq};
use x509_parser::{
    certification_request::X509CertificationRequest,
    extensions::{GeneralName, ParsedExtension},
    prelude::FromDer,
};

use crate::key::{PrivateKey, SignatureScheme};
use crate::x509::{Unsigned, X509Error, extension};

/// Why a CSR is refused or cannot be built.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CsrError {
    /// The bytes are not a DER CSR.
    #[error("malformed CSR: {0}")]
    Malformed(String),
    /// The signature was not made by the key in it, or by an algorithm we do not know.
    #[error("CSR signature is invalid: it was not made with the key that the CSR holds")]
    BadSignature,
    /// The parts cannot be encoded.
    #[error("cannot build CSR: {0}")]
    Build(X509Error),
}

/// A CSR whose signature has been checked: who sent it holds the private key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VerifiedCsr {
    der: Vec<u8>,
    public_key: Vec<u8>,
    subject: Vec<u8>,
    uris: Vec<String>,
    dns_names: Vec<String>,
    extensions: Vec<Extension>,
}

impl VerifiedCsr {
    /// Reads a DER CSR and checks its signature.
    ///
    /// # Errors
    /// When it is malformed or the signature does not verify.
    pub fn parse(der: &[u8]) -> Result<Self, CsrError> {
        let broken = |reason: String| CsrError::Malformed(reason);
        let (rest, csr) =
            X509CertificationRequest::from_der(der).map_err(|e| broken(e.to_string()))?;
        if !rest.is_empty() {
            return Err(broken(format!("{} bytes follow the CSR", rest.len())));
        }
        let request = Request::from_der(der).map_err(malformed)?;
        let info = &csr.certification_request_info;
        request.check_signature(info.raw, info.subject_pki.raw)?;
        let mut verified = Self {
            der: der.to_vec(),
            public_key: info.subject_pki.raw.to_vec(),
            subject: info.subject.as_raw().to_vec(),
            uris: Vec::new(),
            dns_names: Vec::new(),
            extensions: request.extensions()?,
        };
        for extension in csr.requested_extensions().into_iter().flatten() {
            verified.read_names(extension);
        }
        Ok(verified)
    }

    fn read_names(&mut self, extension: &ParsedExtension<'_>) {
        let ParsedExtension::SubjectAlternativeName(names) = extension else {
            return;
        };
        for name in &names.general_names {
            match name {
                GeneralName::URI(uri) => self.uris.push((*uri).to_owned()),
                GeneralName::DNSName(dns) => self.dns_names.push((*dns).to_owned()),
                _ => {}
            }
        }
    }

    /// The CSR itself, DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The public key as DER SubjectPublicKeyInfo.
    pub fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    /// The subject, a DER Name, byte for byte.
    pub fn subject(&self) -> &[u8] {
        &self.subject
    }

    /// URI SANs as they stand there.
    pub fn uris(&self) -> &[String] {
        &self.uris
    }

    /// DNS SANs as they stand there.
    pub fn dns_names(&self) -> &[String] {
        &self.dns_names
    }

    /// Every requested extension, in order.
    pub fn extensions(&self) -> &[Extension] {
        &self.extensions
    }
}

#[derive(Sequence)]
struct RequestInfo {
    version: u8,
    subject: Any,
    public_key: Any,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT")]
    attributes: SetOfVec<Attribute>,
}

#[derive(Sequence)]
struct Request {
    info: RequestInfo,
    algorithm: Any,
    signature: BitString,
}

impl Request {
    /// Checks the signature over `message` with the key in the CSR, by any algorithm that
    /// certificates may be signed with.
    fn check_signature(&self, message: &[u8], spki_der: &[u8]) -> Result<(), CsrError> {
        let spki = SubjectPublicKeyInfoRef::from_der(spki_der).map_err(malformed)?;
        // Both are whole bytes; none when they claim to be something else.
        let key = spki
            .subject_public_key
            .as_bytes()
            .ok_or(CsrError::BadSignature)?;
        let signature = self.signature.as_bytes().ok_or(CsrError::BadSignature)?;
        // Algorithm identifiers are compared without their outer header.
        let key_algorithm = spki.algorithm.to_der().map_err(malformed)?;
        let key_algorithm = Any::from_der(&key_algorithm).map_err(malformed)?;
        let verified = webpki::ALL_VERIFICATION_ALGS
            .iter()
            .filter(|known| {
                known.signature_alg_id().as_ref() == self.algorithm.value()
                    && known.public_key_alg_id().as_ref() == key_algorithm.value()
            })
            .any(|known| known.verify_signature(key, message, signature).is_ok());
        if verified {
            Ok(())
        } else {
            Err(CsrError::BadSignature)
        }
    }

    /// The requested extensions as they stand in the CSR.
    fn extensions(&self) -> Result<Vec<Extension>, CsrError> {
        let mut extensions = Vec::new();
        let attributes = self.info.attributes.iter();
        for attribute in attributes.filter(|a| a.oid == rfc5912::ID_EXTENSION_REQ) {
            for value in attribute.values.iter() {
                let ExtensionReq(requested) = value.decode_as().map_err(malformed)?;
                extensions.extend(requested);
            }
        }
        Ok(extensions)
    }
}

fn malformed(error: der::Error) -> CsrError {
    CsrError::Malformed(error.to_string())
}

/// What a CSR of ours asks for.
#[derive(Clone, Debug, Default)]
pub struct CsrDraft {
    /// The subject, a DER Name; an empty name when this is empty.
    pub subject: Vec<u8>,
    /// URI SANs.
    pub uris: Vec<String>,
    /// DNS SANs.
    pub dns_names: Vec<String>,
    /// The public key as DER SubjectPublicKeyInfo.
    pub public_key: Vec<u8>,
}

impl CsrDraft {
    /// Encodes the part to be signed, for a signer elsewhere; see [`Unsigned`].
    ///
    /// # Errors
    /// When a part cannot be encoded.
    pub fn prepare(self, scheme: SignatureScheme) -> Result<Unsigned, CsrError> {
        self.encode()
            .and_then(|message| Unsigned::new(message, scheme))
            .map_err(CsrError::Build)
    }

    fn encode(self) -> Result<Vec<u8>, X509Error> {
        let mut attributes = SetOfVec::new();
        if !self.uris.is_empty() || !self.dns_names.is_empty() {
            let names = extension::subject_alt_name(&self.dns_names, &self.uris)?;
            let mut values = SetOfVec::new();
            values.insert(Any::encode_from(&vec![names])?)?;
            attributes.insert(Attribute {
                oid: rfc5912::ID_EXTENSION_REQ,
                values,
            })?;
        }
        let subject = match self.subject.as_slice() {
            [] => Any::new(der::Tag::Sequence, [])?,
            name => Any::from_der(name)?,
        };
        let info = RequestInfo {
            version: 0,
            subject,
            public_key: Any::from_der(&self.public_key)?,
            attributes,
        };
        Ok(info.to_der()?)
    }
}

/// Builds a CSR for one SPIFFE ID, signed with a key in memory: what an agent sends for a
/// workload's key.
///
/// # Errors
/// When it cannot be encoded or signed.
pub fn build_csr(
    key: &PrivateKey,
    uris: &[String],
    dns_names: &[String],
) -> Result<Vec<u8>, CsrError> {
    let draft = CsrDraft {
        subject: Vec::new(),
        uris: uris.to_vec(),
        dns_names: dns_names.to_vec(),
        public_key: key.public_key_der().to_vec(),
    };
    let unsigned = draft.prepare(key.x509_scheme())?;
    let signature = key
        .sign(unsigned.scheme(), unsigned.message())
        .map_err(|e| CsrError::Build(X509Error::Key(e)))?;
    unsigned.finish(&signature).map_err(CsrError::Build)
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::STANDARD};

    use super::*;
    use crate::key::KeyType;

    #[test]
    fn every_key_type_signs_what_reads_back() {
        for key_type in [KeyType::EcP256, KeyType::EcP384, KeyType::Rsa2048] {
            let key = PrivateKey::generate(key_type).unwrap();
            let (uris, names) = (["spiffe://a/b".to_owned()], ["c.d".to_owned()]);
            let csr = VerifiedCsr::parse(&build_csr(&key, &uris, &names).unwrap()).unwrap();
            assert_eq!(csr.public_key(), key.public_key_der());
            assert_eq!((csr.uris(), csr.dns_names()), (&uris[..], &names[..]));
            assert_eq!(csr.extensions().len(), 1);
            assert_eq!(csr.subject(), [0x30, 0]);
            let plain = VerifiedCsr::parse(&build_csr(&key, &[], &[]).unwrap()).unwrap();
            assert!(plain.extensions().is_empty());
        }
    }

    #[test]
    fn a_csr_made_by_go_on_p521_is_read() {
        let der = STANDARD.decode(include_str!("p521-csr.base64")).unwrap();
        let csr = VerifiedCsr::parse(&der).unwrap();
        assert_eq!(
            (csr.uris(), csr.dns_names()),
            (
                &["spiffe://example.org/go".to_owned()][..],
                &["d.e".to_owned()][..],
            )
        );
    }

    #[test]
    fn a_flipped_bit_anywhere_is_noticed() {
        let key = PrivateKey::generate(KeyType::EcP256).unwrap();
        let der = build_csr(&key, &["spiffe://a/b".to_owned()], &[]).unwrap();
        for at in 0..der.len() {
            let mut broken = der.clone();
            broken[at] ^= 1;
            assert!(VerifiedCsr::parse(&broken).is_err(), "byte {at}");
        }
        assert!(matches!(
            VerifiedCsr::parse(b""),
            Err(CsrError::Malformed(_))
        ));
        let longer = [der.as_slice(), b"x"].concat();
        assert!(matches!(
            VerifiedCsr::parse(&longer),
            Err(CsrError::Malformed(_))
        ));
    }

    #[test]
    fn another_keys_signature_is_refused() {
        let (key, other) = (
            PrivateKey::generate(KeyType::EcP256).unwrap(),
            PrivateKey::generate(KeyType::EcP256).unwrap(),
        );
        let public_key = key.public_key_der().to_vec();
        let unsigned = CsrDraft {
            public_key,
            ..CsrDraft::default()
        }
        .prepare(other.x509_scheme())
        .unwrap();
        let signature = other.sign(unsigned.scheme(), unsigned.message()).unwrap();
        let csr = unsigned.finish(&signature).unwrap();
        assert_eq!(VerifiedCsr::parse(&csr), Err(CsrError::BadSignature));
    }
}
