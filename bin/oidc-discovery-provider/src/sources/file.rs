//! A SPIFFE bundle in a file, which something else keeps fresh.

use std::{io, path::PathBuf};

use steeple_spiffe::{Bundle, IdError, JwtAuthority, TrustDomain, forms::BundleFormError};

/// Why the file gives no keys.
#[derive(Debug, thiserror::Error)]
enum FileError {
    #[error("unable to read SPIFFE bundle file {path:?}: {source}")]
    Read { path: PathBuf, source: io::Error },
    #[error("unable to parse SPIFFE bundle file {path:?}: {source}")]
    Form {
        path: PathBuf,
        source: BundleFormError,
    },
    #[error(transparent)]
    Id(#[from] IdError),
}

/// The file. It does not say whose keys it holds, so that is not checked.
pub(super) struct File {
    path: PathBuf,
}

impl File {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub(super) async fn fetch(&self) -> Option<Vec<JwtAuthority>> {
        match self.read().await {
            Ok(bundle) => Some(bundle.jwt_authorities),
            Err(error) => {
                tracing::warn!(%error, "Failed to load SPIFFE trust bundle");
                None
            }
        }
    }

    async fn read(&self) -> Result<Bundle, FileError> {
        let path = &self.path;
        let text = tokio::fs::read_to_string(path).await;
        let text = text.map_err(|source| FileError::Read {
            path: path.clone(),
            source,
        })?;
        let anybody = TrustDomain::parse("bundle")?;
        Bundle::from_spiffe_json(anybody, &text).map_err(|source| FileError::Form {
            path: path.clone(),
            source,
        })
    }
}
