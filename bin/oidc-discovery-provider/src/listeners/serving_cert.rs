//! A certificate in files that somebody else keeps fresh.

use std::{
    convert::Infallible,
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use arc_swap::ArcSwap;
use rustls::{
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use steeple_grpc::provider;
use tokio_util::sync::CancellationToken;

use crate::{config::CertFiles, sources::interval};

/// Why the files are no certificate to serve with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CertificateError {
    /// One cannot be read.
    #[error("could not read {path:?}: {source}")]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// One does not hold what it should.
    #[error("{path:?} holds no {what}: {source}")]
    Pem {
        /// Which.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
        /// What is wrong.
        source: rustls_pki_types::pem::Error,
    },
    /// There is no certificate in the file.
    #[error("{0:?} holds no certificate")]
    Empty(PathBuf),
    /// They do not belong together, or are of an unusable kind.
    #[error("the certificate in {cert:?} and the key in {key:?} cannot be used: {source}")]
    Pair {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What is wrong.
        source: rustls::Error,
    },
}

/// The certificate as it is now.
#[derive(Debug)]
pub(super) struct Certificate {
    files: CertFiles,
    current: ArcSwap<CertifiedKey>,
    loaded: Option<Stamps>,
}

/// What tells two versions of the files apart.
type Stamps = [(SystemTime, u64, u64); 2];

impl Certificate {
    /// Reads the files.
    pub(super) fn load(files: CertFiles) -> Result<Self, CertificateError> {
        let loaded = stamps(&files).ok();
        let current = ArcSwap::from_pointee(read(&files)?);
        Ok(Self {
            files,
            current,
            loaded,
        })
    }

    /// Where it comes from.
    pub(super) fn files(&self) -> &CertFiles {
        &self.files
    }

    /// Looks for new files every so often until `stopping`. Bad ones change nothing.
    pub(super) async fn watch(
        self: Arc<Self>,
        stopping: CancellationToken,
    ) -> Result<(), Infallible> {
        let every = self.files.interval;
        tracing::info!(
            interval = interval(every),
            "Started watching certificate files"
        );
        let watching = async {
            let mut loaded = self.loaded;
            loop {
                tokio::time::sleep(every).await;
                loaded = self.sync(loaded);
            }
        };
        stopping.run_until_cancelled(watching).await;
        tracing::info!("Stopping file watcher");
        Ok(())
    }

    /// Reads the files if they are not those that were loaded; tells which are loaded now.
    fn sync(&self, loaded: Option<Stamps>) -> Option<Stamps> {
        let found = match stamps(&self.files) {
            Ok(found) => found,
            Err(error) => {
                tracing::error!(%error, "Failed to get file info; the old certificate stays in use");
                return loaded;
            }
        };
        if loaded == Some(found) {
            return loaded;
        }
        tracing::info!("File change detected, reloading certificate and key...");
        match read(&self.files) {
            Ok(key) => {
                self.current.store(Arc::new(key));
                tracing::info!("Loaded provided certificate with success");
                Some(found)
            }
            Err(error) => {
                tracing::error!(%error, "Failed to load certificate; the old one stays in use");
                loaded
            }
        }
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

fn stamps(files: &CertFiles) -> Result<Stamps, CertificateError> {
    let stamp = |path: &Path| {
        let found = fs::metadata(path).and_then(|found| Ok((found.modified()?, found)));
        match found {
            Ok((modified, found)) => Ok((modified, found.len(), found.ino())),
            Err(source) => Err(CertificateError::Read {
                path: path.to_owned(),
                source,
            }),
        }
    };
    Ok([stamp(&files.cert)?, stamp(&files.key)?])
}

fn read(files: &CertFiles) -> Result<CertifiedKey, CertificateError> {
    let (cert, key) = (&files.cert, &files.key);
    let chain = CertificateDer::pem_slice_iter(&bytes(cert)?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(pem(cert, "certificate"))?;
    if chain.is_empty() {
        return Err(CertificateError::Empty(cert.clone()));
    }
    let private =
        PrivateKeyDer::from_pem_slice(&bytes(key)?).map_err(pem(key, "unencrypted private key"))?;
    CertifiedKey::from_der(chain, private, &provider()).map_err(|source| CertificateError::Pair {
        cert: cert.clone(),
        key: key.clone(),
        source,
    })
}

fn bytes(path: &Path) -> Result<Vec<u8>, CertificateError> {
    fs::read(path).map_err(|source| CertificateError::Read {
        path: path.to_owned(),
        source,
    })
}

fn pem(
    path: &Path,
    what: &'static str,
) -> impl FnOnce(rustls_pki_types::pem::Error) -> CertificateError {
    move |source| CertificateError::Pem {
        path: path.to_owned(),
        what,
        source,
    }
}
