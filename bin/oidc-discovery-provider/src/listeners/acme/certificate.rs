//! Certificates to serve with, and those that prove a name.

use std::sync::Arc;

use jiff::Timestamp;
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::sign::CertifiedKey;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject as _};
use steeple_grpc::provider;
use steeple_spiffe::x509::CertificateInfo;

use super::AcmeError;

/// A certificate with its key, and when it has to be replaced.
#[derive(Clone, Debug)]
pub(super) struct Issued {
    pub(super) key: Arc<CertifiedKey>,
    /// The last moment of its validity.
    pub(super) not_after: Timestamp,
    /// When a third of its life is left.
    pub(super) renew_at: Timestamp,
}

impl Issued {
    /// Reads a key and a chain.
    pub(super) fn from_pem(pem: &[u8]) -> Result<Self, AcmeError> {
        let unusable = |error: &dyn std::fmt::Display| AcmeError::Certificate(error.to_string());
        let chain = CertificateDer::pem_slice_iter(pem)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| unusable(&error))?;
        let leaf = chain.first().ok_or_else(|| unusable(&"there is none"))?;
        let info = CertificateInfo::parse(leaf).map_err(|error| unusable(&error))?;
        let private = PrivateKeyDer::from_pem_slice(pem).map_err(|error| unusable(&error))?;
        let key = CertifiedKey::from_der(chain, private, &provider())
            .map_err(|error| unusable(&error))?;
        let third = info.not_after.duration_since(info.not_before) / 3;
        Ok(Self {
            key: Arc::new(key),
            not_after: info.not_after,
            renew_at: info.not_after - third,
        })
    }
}

/// The certificate by which the service sees that a name leads here (RFC 8737, section 3).
pub(super) fn proof(domain: &str, digest: &[u8]) -> Result<CertifiedKey, AcmeError> {
    let unusable = |error: rcgen::Error| AcmeError::Certificate(error.to_string());
    let mut params = CertificateParams::new([domain.to_owned()]).map_err(unusable)?;
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let pair = KeyPair::generate().map_err(unusable)?;
    let certificate = params.self_signed(&pair).map_err(unusable)?;
    let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pair.serialize_der()));
    let key = provider().key_provider.load_private_key(der)?;
    Ok(CertifiedKey::new(vec![certificate.der().clone()], key))
}

#[cfg(test)]
mod tests {
    use rcgen::date_time_ymd;

    use super::*;

    #[test]
    fn a_third_before_the_end_it_is_time() {
        let pair = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(["a.test".to_owned()]).unwrap();
        params.not_before = date_time_ymd(2026, 1, 1);
        params.not_after = date_time_ymd(2026, 4, 1);
        let pem = params.self_signed(&pair).unwrap().pem();
        let issued = Issued::from_pem(format!("{}{pem}", pair.serialize_pem()).as_bytes()).unwrap();
        assert_eq!(issued.not_after.to_string(), "2026-04-01T00:00:00Z");
        assert_eq!(issued.renew_at.to_string(), "2026-03-02T00:00:00Z");
    }

    #[test]
    fn a_strange_key_is_refused() {
        let (one, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let params = CertificateParams::new(["a.test".to_owned()]).unwrap();
        let pem = params.self_signed(&one).unwrap().pem();
        let with = |key: &KeyPair| format!("{}{pem}", key.serialize_pem());
        assert!(Issued::from_pem(with(&one).as_bytes()).is_ok());
        assert!(Issued::from_pem(with(&other).as_bytes()).is_err());
        assert!(Issued::from_pem(one.serialize_pem().as_bytes()).is_err());
        assert!(Issued::from_pem(b"").is_err());
    }

    #[test]
    fn the_proof_is_for_one_name_and_critical() {
        let proof = proof("a.test", &[7; 32]).unwrap();
        let der = proof.end_entity_cert().unwrap();
        let acme_identifier =
            b"\x06\x08\x2b\x06\x01\x05\x05\x07\x01\x1f\x01\x01\xff\x04\x22\x04\x20";
        let found = der
            .windows(acme_identifier.len())
            .any(|part| part == acme_identifier);
        assert!(
            found,
            "id-pe-acmeIdentifier, critical, an octet string of 32 octets"
        );
    }
}
