//! Certificates of a case's own: a root, an intermediate, leaves.

use std::path::PathBuf;

use anyhow::Result;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    SanType, SerialNumber, SignatureAlgorithm,
};
use steeple_tests::Place;
use x509_parser::time::ASN1Time;

/// Root and intermediate.
pub(crate) struct Pki {
    root: CertifiedIssuer<'static, KeyPair>,
    intermediate: CertifiedIssuer<'static, KeyPair>,
}

/// A leaf with its key, both PEM.
pub(crate) struct Leaf {
    pub(crate) certificate: String,
    pub(crate) key: String,
    /// In decimal.
    pub(crate) serial: String,
}

/// What a program is pointed at.
#[derive(Clone)]
pub(crate) struct Files {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) intermediates: PathBuf,
}

/// Seconds since 1970.
pub(crate) fn now() -> i64 {
    ASN1Time::now().timestamp()
}

impl Pki {
    pub(crate) fn new() -> Result<Self> {
        let root = CertifiedIssuer::self_signed(authority("root"), KeyPair::generate()?)?;
        let key = KeyPair::generate()?;
        let intermediate = CertifiedIssuer::signed_by(authority("intermediate"), key, &root)?;
        Ok(Self { root, intermediate })
    }

    /// The trust anchor, DER.
    pub(crate) fn root_der(&self) -> Vec<u8> {
        self.root.der().to_vec()
    }

    /// What is between anchor and leaves, PEM.
    pub(crate) fn intermediates(&self) -> String {
        self.intermediate.pem()
    }

    /// A leaf with a serial that fills its 16 bytes.
    pub(crate) fn leaf(&self, serial: u128, key: KeyPair) -> Result<Leaf> {
        let serial = serial | 1 << 126;
        let mut params = CertificateParams::default();
        params.serial_number = Some(SerialNumber::from_slice(&serial.to_be_bytes()));
        params.distinguished_name.push(DnType::CommonName, "leaf");
        params.subject_alt_names = vec![SanType::URI("spiffe://example.org/leaf".try_into()?)];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.intermediate)?;
        Ok(Leaf {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
            serial: serial.to_string(),
        })
    }

    /// A P-256 leaf.
    pub(crate) fn ec_leaf(&self, serial: u128) -> Result<Leaf> {
        self.leaf(serial, KeyPair::generate()?)
    }

    /// A leaf of this algorithm.
    pub(crate) fn leaf_for(&self, algorithm: &'static SignatureAlgorithm) -> Result<Leaf> {
        self.leaf(7, KeyPair::generate_for(algorithm)?)
    }

    /// Writes a leaf and the intermediates beside it.
    pub(crate) fn write(&self, place: &Place, leaf: &Leaf) -> Result<Files> {
        Ok(Files {
            certificate: place.write("svid.pem", &leaf.certificate)?,
            key: place.write("svid.key", &leaf.key)?,
            intermediates: place.write("bundle.pem", self.intermediates())?,
        })
    }
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}
