//! The first bundle: what a node that knows nobody yet trusts the server by.

mod download;

use std::{io, path::PathBuf};

use jiff::Timestamp;
use steeple_spiffe::{Bundle, TrustDomain};

pub use download::DownloadError;

/// Where the first bundle comes from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum BundleSource {
    /// Nowhere: whatever the server shows first is believed.
    Insecure,
    /// A file.
    File {
        /// Its path.
        path: PathBuf,
        /// What it contains.
        format: BundleFormat,
    },
    /// An address.
    Url {
        /// The address: `https`, or also `http` over a Unix socket.
        url: String,
        /// The socket to ask instead of the host in the address; it is told who asks.
        unix_socket: Option<PathBuf>,
        /// What is found there.
        format: BundleFormat,
    },
}

/// How a bundle is written down.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum BundleFormat {
    /// Certificates in PEM.
    #[default]
    Pem,
    /// A SPIFFE bundle document.
    Spiffe,
}

/// Why there is no first bundle.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BootstrapError {
    /// The file cannot be read.
    #[error("could not parse trust bundle: open {path}: {source}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The address yields nothing.
    #[error(transparent)]
    Download(#[from] DownloadError),
    /// What was found is not what the format says.
    #[error("could not parse trust bundle {place}: {reason}; is trust_bundle_format right?")]
    Malformed {
        /// The file or address.
        place: String,
        /// What is wrong.
        reason: String,
    },
    /// There is no X.509 root in it.
    #[error("no certificates found in trust bundle {0}")]
    Empty(String),
}

/// Who asks for the bundle, and for the how-manieth time; for those who hand out bundles.
#[derive(Clone, Debug)]
pub struct Asking {
    /// The trust domain.
    pub trust_domain: TrustDomain,
    /// The server's host.
    pub server_host: String,
    /// The server's port.
    pub server_port: u16,
    /// How often the agent has tried by now, this time included.
    pub attempt: u32,
    /// When it tried first.
    pub since: Timestamp,
}

/// Obtains the first bundle; none means that the server is not to be verified.
///
/// # Errors
/// When the source cannot be read or has no roots.
pub async fn load(
    source: &BundleSource,
    asking: &Asking,
) -> Result<Option<Bundle>, BootstrapError> {
    let (bytes, place, format) = match source {
        BundleSource::Insecure => return Ok(None),
        BundleSource::File { path, format } => {
            let read = tokio::fs::read(path).await;
            let bytes = read.map_err(|source| BootstrapError::File {
                path: path.clone(),
                source,
            })?;
            (bytes, path.display().to_string(), *format)
        }
        BundleSource::Url {
            url,
            unix_socket,
            format,
        } => {
            tracing::info!(
                subsystem_name = "attestor",
                "Server attestation attempt {}. Started {}.",
                asking.attempt,
                asking.since
            );
            (
                download::fetch(url, unix_socket.as_deref(), asking).await?,
                url.clone(),
                *format,
            )
        }
    };
    read(&bytes, place, format, &asking.trust_domain).map(Some)
}

fn read(
    bytes: &[u8],
    place: String,
    format: BundleFormat,
    trust_domain: &TrustDomain,
) -> Result<Bundle, BootstrapError> {
    let read = match format {
        BundleFormat::Pem => {
            Bundle::from_pem(trust_domain.clone(), bytes).map_err(|error| error.to_string())
        }
        BundleFormat::Spiffe => std::str::from_utf8(bytes)
            .map_err(|error| error.to_string())
            .and_then(|text| {
                Bundle::from_spiffe_json(trust_domain.clone(), text)
                    .map_err(|error| error.to_string())
            }),
    };
    match read {
        Ok(bundle) if bundle.x509_authorities.is_empty() => Err(BootstrapError::Empty(place)),
        Ok(bundle) => Ok(bundle),
        Err(reason) => Err(BootstrapError::Malformed { place, reason }),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::fs;

    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    pub(crate) fn asking() -> Asking {
        Asking {
            trust_domain: TrustDomain::parse("example.org").unwrap(),
            server_host: "server.example".to_owned(),
            server_port: 8081,
            attempt: 3,
            since: Timestamp::from_second(0).unwrap(),
        }
    }

    pub(crate) fn root_pem() -> String {
        let key = KeyPair::generate().unwrap();
        CertificateParams::new(Vec::new())
            .unwrap()
            .self_signed(&key)
            .unwrap()
            .pem()
    }

    async fn load_file(text: &str, format: BundleFormat) -> Result<Option<Bundle>, BootstrapError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bundle");
        fs::write(&path, text).unwrap();
        load(&BundleSource::File { path, format }, &asking()).await
    }

    #[tokio::test]
    async fn both_formats_are_read_and_neither_for_the_other() {
        let pem = root_pem();
        let bundle = load_file(&pem, BundleFormat::Pem).await.unwrap().unwrap();
        assert_eq!(bundle.x509_authorities.len(), 1);
        let json = bundle.to_spiffe_json().unwrap();
        let same = load_file(&json, BundleFormat::Spiffe)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(same.x509_authorities, bundle.x509_authorities);

        assert!(load_file(&json, BundleFormat::Pem).await.is_err());
        assert!(load_file(&pem, BundleFormat::Spiffe).await.is_err());
        let empty = load_file("{\"keys\":[]}", BundleFormat::Spiffe)
            .await
            .unwrap_err();
        assert!(matches!(empty, BootstrapError::Empty(_)), "{empty}");
    }

    #[tokio::test]
    async fn insecure_has_none_and_a_missing_file_is_named() {
        assert!(
            load(&BundleSource::Insecure, &asking())
                .await
                .unwrap()
                .is_none()
        );
        let source = BundleSource::File {
            path: "/no/such".into(),
            format: BundleFormat::Pem,
        };
        let error = load(&source, &asking()).await.unwrap_err().to_string();
        assert!(error.contains("open /no/such"), "{error}");
    }
}
