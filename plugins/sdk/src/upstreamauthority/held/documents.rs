//! The PEM documents of an upstream CA, held against each other.

use steeple_spiffe::{
    X509Authority,
    key::{PrivateKey, same_public_key},
    pem::{PemError, certificates_from_pem, private_key_from_pem},
    x509::{CertificateInfo, TrustAnchors, X509Error},
};

use super::{HeldCa, MintError};
use crate::config::CoreConfig;

/// One PEM text, and what the operator calls it: a path, an ARN.
#[derive(Clone, Copy)]
pub struct Document<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its content.
    pub pem: &'a [u8],
}

/// What an upstream CA is made of.
#[derive(Clone, Copy)]
pub struct Documents<'a> {
    /// The CA's certificate, then those between it and the root.
    pub certificate: Document<'a>,
    /// Its private key.
    pub key: Document<'a>,
    /// The roots; without them the certificate must be one itself.
    pub bundle: Option<Document<'a>>,
    /// The setting that names the bundle, as in `bundle_file_path`.
    pub bundle_setting: &'static str,
}

/// Why the documents are of no use.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// One is not the PEM it should be.
    #[error("unable to load upstream CA {what} {name}: {source}")]
    Pem {
        /// Which of them.
        what: &'static str,
        /// Its name.
        name: String,
        /// What is wrong with it.
        source: PemError,
    },
    /// The CA's certificate cannot be read.
    #[error("unable to load upstream CA cert {name}: {source}")]
    Certificate {
        /// The document's name.
        name: String,
        /// What is wrong with it.
        source: X509Error,
    },
    /// There is a chain, and nothing says where it ends.
    #[error(
        "with no {bundle_setting} configured only self-signed CAs are supported: {name} holds \
         {found} certificates"
    )]
    NotOneCertificate {
        /// The setting that would say it.
        bundle_setting: &'static str,
        /// The document's name.
        name: String,
        /// How many it holds.
        found: usize,
    },
    /// The key is another certificate's.
    #[error(
        "unable to load upstream CA: certificate {certificate} and private key {key} do not match"
    )]
    Mismatch {
        /// The certificate's name.
        certificate: String,
        /// The key's name.
        key: String,
    },
    /// What it signs does not verify.
    #[error(
        "unable to load upstream CA: certificate cannot be validated with the provided bundle or \
         is not self-signed: {0}"
    )]
    NotValid(MintError),
}

impl HeldCa {
    /// Reads the documents and checks that key, certificate and bundle belong together.
    ///
    /// # Errors
    /// When they do not; the text says which.
    pub fn read(documents: &Documents<'_>, core: &CoreConfig) -> Result<Self, DocumentError> {
        let (cert, key_name) = (documents.certificate, documents.key.name);
        let key = private_key_from_pem(documents.key.pem)
            .map_err(|source| unreadable("key", key_name, source))?;
        let certificates = certificates("cert", cert)?;
        let first = certificates.first().map(Vec::as_slice).unwrap_or_default();
        let certificate =
            CertificateInfo::parse(first).map_err(|source| DocumentError::Certificate {
                name: cert.name.to_owned(),
                source,
            })?;
        let roots = roots(documents, &certificates)?;
        if !same_public_key(&certificate.public_key, key.public_key_der()) {
            return Err(DocumentError::Mismatch {
                certificate: cert.name.to_owned(),
                key: key_name.to_owned(),
            });
        }
        let held = Self::new(key, certificate, certificates, roots);
        held.check(core).map_err(DocumentError::NotValid)?;
        Ok(held)
    }

    fn new(
        key: PrivateKey,
        certificate: CertificateInfo,
        certificates: Vec<Vec<u8>>,
        roots: Vec<Vec<u8>>,
    ) -> Self {
        // Who trusts a root needs no copy of it in the chain.
        let chain = certificates
            .into_iter()
            .filter(|der| !roots.contains(der))
            .collect();
        let trusted = |der| X509Authority {
            der,
            tainted: false,
        };
        Self {
            key,
            certificate,
            chain,
            roots: roots.into_iter().map(trusted).collect(),
        }
    }

    /// Signs a throw-away SVID and verifies it against the roots.
    fn check(&self, core: &CoreConfig) -> Result<(), MintError> {
        let now = core.clock.now();
        let mut chain = vec![self.probe(&core.trust_domain, now)?];
        chain.extend_from_slice(&self.chain);
        let anchors = TrustAnchors::new(&self.roots)?;
        anchors
            .verify(&chain, now)
            .map(drop)
            .map_err(MintError::X509)
    }
}

fn roots(
    documents: &Documents<'_>,
    certificates: &[Vec<u8>],
) -> Result<Vec<Vec<u8>>, DocumentError> {
    match documents.bundle {
        Some(bundle) => self::certificates("bundle", bundle),
        None if certificates.len() == 1 => Ok(certificates.to_vec()),
        None => Err(DocumentError::NotOneCertificate {
            bundle_setting: documents.bundle_setting,
            name: documents.certificate.name.to_owned(),
            found: certificates.len(),
        }),
    }
}

fn certificates(what: &'static str, document: Document<'_>) -> Result<Vec<Vec<u8>>, DocumentError> {
    certificates_from_pem(document.pem).map_err(|source| unreadable(what, document.name, source))
}

fn unreadable(what: &'static str, name: &str, source: PemError) -> DocumentError {
    DocumentError::Pem {
        what,
        name: name.to_owned(),
        source,
    }
}
