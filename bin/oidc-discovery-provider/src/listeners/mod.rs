//! Where requests come in.

mod acme;
mod address;
mod door;
mod serve;
mod serving_cert;
mod tls;

use std::{io, path::PathBuf, sync::Arc};

use steeple_grpc::{LocalError, SocketOptions, UnixEndpoint};
use steeple_lifecycle::{Clock, Tasks};

pub(crate) use address::ListenAddress;
pub(crate) use door::Door;
pub(crate) use serve::serve;

use crate::{
    config::{AcmeConfig, CertFiles, ListenerConfig},
    domains::Domains,
};

/// Why nothing can come in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ListenError {
    /// The address cannot be listened on.
    #[error("could not listen on {address}: {source}")]
    Bind {
        /// As configured.
        address: ListenAddress,
        /// What the system said.
        source: io::Error,
    },
    /// The socket cannot be listened on.
    #[error("listen_socket_path: {0}")]
    Socket(#[from] LocalError),
    /// The certificate cannot be used.
    #[error("failed to load certificate: {0}")]
    Certificate(#[from] serving_cert::CertificateError),
    /// TLS cannot be set up.
    #[error("could not set up TLS: {0}")]
    Tls(#[from] rustls::Error),
}

/// Opens the configured way in. What has to be done to keep it open becomes tasks.
pub(crate) async fn open(
    config: ListenerConfig,
    domains: &Domains,
    tasks: &Tasks,
) -> Result<Door, ListenError> {
    match config {
        ListenerConfig::Insecure(address) => {
            let door = Door::Tcp(bind(&address).await?);
            tracing::warn!(%address, "Serving HTTP (insecure)");
            Ok(door)
        }
        ListenerConfig::Socket(path) => socket(path),
        ListenerConfig::CertFiles(files) => cert_files(files, tasks).await,
        ListenerConfig::Acme(config) => acme(config, domains, tasks).await,
    }
}

async fn bind(address: &ListenAddress) -> Result<tokio::net::TcpListener, ListenError> {
    address.bind().await.map_err(|source| ListenError::Bind {
        address: address.clone(),
        source,
    })
}

fn socket(path: PathBuf) -> Result<Door, ListenError> {
    let endpoint = UnixEndpoint::bind(&path, SocketOptions::PUBLIC)?;
    tracing::info!(network = "unix", address = %path.display(), "Serving HTTP");
    Ok(Door::Unix(endpoint))
}

async fn cert_files(files: CertFiles, tasks: &Tasks) -> Result<Door, ListenError> {
    let address = files.address.clone();
    let certificate = Arc::new(serving_cert::Certificate::load(files)?);
    let config = tls::config(Arc::clone(&certificate), &tls::HTTP)?;
    let listener = bind(&address).await?;
    tracing::info!(
        cert_file_path = %certificate.files().cert.display(),
        %address,
        "Serving HTTPS using certificate loaded from disk"
    );
    tasks.spawn("certificate watch", certificate.watch(tasks.stopping()));
    Ok(Door::Tls(listener, config))
}

async fn acme(config: AcmeConfig, domains: &Domains, tasks: &Tasks) -> Result<Door, ListenError> {
    let address = config.address.clone();
    let (resolver, renewal) = acme::prepare(config, domains, Clock::system());
    let protocols = [tls::HTTP[0], tls::HTTP[1], tls::ACME];
    let acceptor = tls::config(resolver, &protocols)?;
    let listener = bind(&address).await?;
    tracing::info!(%address, "Serving HTTPS via ACME");
    tasks.spawn("ACME", renewal.run(tasks.stopping()));
    Ok(Door::Tls(listener, acceptor))
}
