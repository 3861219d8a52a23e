//! The agent's channel to a server.

use std::{error::Error, io, sync::Arc};

use hyper_util::rt::TokioIo;
use steeple_lifecycle::Clock;
use steeple_spiffe::{Bundle, TrustDomain};
use tokio::{net::TcpStream, sync::watch};
use tokio_rustls::client::TlsStream;
use tonic::{
    Status,
    transport::{Channel, Endpoint, Uri},
};
use tower::service_fn;
use tower_service::Service;

use super::{Identity, connector::Connector};

/// How the server has to prove itself.
#[derive(Clone, Debug)]
pub enum ServerPolicy {
    /// Its certificate must chain to this bundle's roots (the value at the time of the handshake)
    /// and name `spiffe://<trust domain>/spire/server`.
    Verify(watch::Receiver<Arc<Bundle>>),
    /// Its certificate must name `spiffe://<trust domain>/spire/server`; anyone can make one, so
    /// this is for bootstrapping only.
    Insecure,
}

/// Where to connect to, and as whom.
#[derive(Clone, Debug)]
pub struct Target {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// The trust domain of the server.
    pub trust_domain: TrustDomain,
    /// What proves the server.
    pub policy: ServerPolicy,
    /// What this side presents, if anything; the value at the time of each handshake counts.
    pub identity: Option<watch::Receiver<Option<Identity>>>,
    /// The time.
    pub clock: Clock,
}

/// Why a connection to the server failed. It also sits in the source chain of the `Status` that a
/// call over a lazily connected channel ends with: see [`connect_error`].
#[derive(Clone, Debug, thiserror::Error)]
pub enum ConnectError {
    /// The host name has no address.
    #[error("could not resolve {host:?}: {source}")]
    Resolve {
        /// The name.
        host: String,
        /// What the resolver said.
        source: Arc<io::Error>,
    },
    /// No address of the host accepts a connection.
    #[error("could not connect to {target}: {source}")]
    Dial {
        /// Host and port.
        target: String,
        /// What the system said of the last address tried.
        source: Arc<io::Error>,
    },
    /// The TLS handshake failed for a reason other than the server's certificate.
    #[error("TLS handshake with {target} failed: {reason}")]
    Handshake {
        /// Host and port.
        target: String,
        /// What went wrong; when the server refused this side's certificate, it says so.
        reason: String,
    },
    /// The server's certificate does not chain to the bundle: another server, or one whose
    /// authority this side has never heard of.
    #[error("server certificate of {target} ({id}) signed by unknown authority")]
    UnknownAuthority {
        /// Host and port.
        target: String,
        /// The ID in its certificate.
        id: String,
    },
    /// The server's certificate is not that of the trust domain's server, or has expired.
    #[error("server certificate of {target} was refused: {reason}")]
    BadCertificate {
        /// Host and port.
        target: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// Connects once, to see errors at once, and returns a channel that connects again when needed.
///
/// # Errors
/// See [`ConnectError`].
pub async fn connect(target: Target) -> Result<Channel, ConnectError> {
    let address = format!("{}:{}", target.host, target.port);
    let connector = Connector::new(target)?;
    endpoint()
        .connect_with_connector(service(connector))
        .await
        .map_err(|error| {
            find(Some(&error))
                .cloned()
                .unwrap_or_else(|| ConnectError::Handshake {
                    target: address,
                    reason: error
                        .source()
                        .map_or_else(|| error.to_string(), ToString::to_string),
                })
        })
}

/// A channel that connects with the first call, and again whenever the connection is lost.
///
/// # Errors
/// When TLS cannot be set up at all.
pub fn connect_lazy(target: Target) -> Result<Channel, ConnectError> {
    let connector = Connector::new(target)?;
    Ok(endpoint().connect_with_connector_lazy(service(connector)))
}

fn endpoint() -> Endpoint {
    // The authority has no meaning to SPIFFE: the server is who its certificate says it is.
    Endpoint::from(Uri::from_static("https://spire-server"))
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(4 << 20)
}

fn service(
    connector: Connector,
) -> impl Service<
    Uri,
    Response = TokioIo<TlsStream<TcpStream>>,
    Error = ConnectError,
    Future = impl Future<Output = Result<TokioIo<TlsStream<TcpStream>>, ConnectError>> + Send,
> + Send
+ 'static {
    service_fn(move |_: Uri| {
        let connector = connector.clone();
        async move { connector.connect().await.map(TokioIo::new) }
    })
}

/// The reason in a failed call that never reached the server.
pub fn connect_error(status: &Status) -> Option<&ConnectError> {
    find(status.source())
}

fn find<'a>(mut next: Option<&'a (dyn Error + 'static)>) -> Option<&'a ConnectError> {
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<ConnectError>() {
            return Some(found);
        }
        next = error.source();
    }
    None
}
