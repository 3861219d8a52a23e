//! The files of an upstream CA, read and held against each other.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use steeple_plugin_sdk::config::CoreConfig;
use steeple_spiffe::{
    X509Authority,
    key::{PrivateKey, same_public_key},
    pem::{PemError, certificates_from_pem, private_key_from_pem},
    x509::{CertificateInfo, TrustAnchors, X509Error},
};
use zeroize::Zeroizing;

use super::mint::MintError;

/// Where the files are.
#[derive(Clone, Debug)]
pub(super) struct Paths {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
    pub(super) bundle: Option<PathBuf>,
}

/// Why the files are of no use.
#[derive(Debug, thiserror::Error)]
pub(super) enum FilesError {
    #[error("unable to load upstream CA {what} {}: {source}", path.display())]
    Read {
        what: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error("unable to load upstream CA {what} {}: {source}", path.display())]
    Pem {
        what: &'static str,
        path: PathBuf,
        source: PemError,
    },
    #[error("unable to load upstream CA cert {}: {source}", path.display())]
    Certificate { path: PathBuf, source: X509Error },
    #[error(
        "with no bundle_file_path configured only self-signed CAs are supported: {} holds {found} \
         certificates", path.display()
    )]
    NotOneCertificate { path: PathBuf, found: usize },
    #[error(
        "unable to load upstream CA: certificate {} and private key {} do not match",
        certificate.display(), key.display()
    )]
    Mismatch { certificate: PathBuf, key: PathBuf },
    #[error(
        "unable to load upstream CA: certificate cannot be validated with the provided bundle or \
         is not self-signed: {0}"
    )]
    NotValid(MintError),
}

/// An upstream CA that can sign.
pub(super) struct Upstream {
    pub(super) key: PrivateKey,
    pub(super) certificate: CertificateInfo,
    /// The CA's certificate and those between it and the root, without roots.
    pub(super) chain: Vec<Vec<u8>>,
    pub(super) roots: Vec<X509Authority>,
}

impl Upstream {
    /// Reads the files and checks that key, certificate and bundle belong together.
    pub(super) fn read(paths: &Paths, core: &CoreConfig) -> Result<Self, FilesError> {
        let key = read_key(&paths.key)?;
        let certificates = read_certificates("cert", &paths.certificate)?;
        let first = certificates.first().map(Vec::as_slice).unwrap_or_default();
        let certificate =
            CertificateInfo::parse(first).map_err(|source| FilesError::Certificate {
                path: paths.certificate.clone(),
                source,
            })?;
        let roots = match &paths.bundle {
            Some(path) => read_certificates("bundle", path)?,
            None if certificates.len() == 1 => certificates.clone(),
            None => {
                return Err(FilesError::NotOneCertificate {
                    path: paths.certificate.clone(),
                    found: certificates.len(),
                });
            }
        };
        if !same_public_key(&certificate.public_key, key.public_key_der()) {
            return Err(FilesError::Mismatch {
                certificate: paths.certificate.clone(),
                key: paths.key.clone(),
            });
        }
        // Who trusts a root needs no copy of it in the chain.
        let chain = certificates
            .into_iter()
            .filter(|der| !roots.contains(der))
            .collect();
        let roots = roots
            .into_iter()
            .map(|der| X509Authority {
                der,
                tainted: false,
            })
            .collect();
        let upstream = Self {
            key,
            certificate,
            chain,
            roots,
        };
        upstream.check(core).map_err(FilesError::NotValid)?;
        Ok(upstream)
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

fn read_key(path: &Path) -> Result<PrivateKey, FilesError> {
    let pem = Zeroizing::new(read("key", path)?);
    private_key_from_pem(&pem).map_err(|source| FilesError::Pem {
        what: "key",
        path: path.to_owned(),
        source,
    })
}

fn read_certificates(what: &'static str, path: &Path) -> Result<Vec<Vec<u8>>, FilesError> {
    certificates_from_pem(&read(what, path)?).map_err(|source| FilesError::Pem {
        what,
        path: path.to_owned(),
        source,
    })
}

fn read(what: &'static str, path: &Path) -> Result<Vec<u8>, FilesError> {
    fs::read(path).map_err(|source| FilesError::Read {
        what,
        path: path.to_owned(),
        source,
    })
}
