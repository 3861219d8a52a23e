//! The TCP endpoint: accepts, shakes hands, and hands out connections that know their peer.

use std::{fmt, io, net::SocketAddr, sync::Arc, time::Duration};

use futures::{Stream, stream};
use rustls::{
    ServerConfig,
    server::{ClientHello, NoServerSessionStorage, ResolvesServerCert},
    sign::CertifiedKey,
    version::{TLS12, TLS13},
};
use steeple_lifecycle::Clock;
use steeple_spiffe::{
    SpiffeId, TrustDomain,
    x509::{CertificateInfo, X509Error, spiffe_id_from_leaf},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::{ALPN, Bundles, Identity, client_verifier::SvidClientVerifier, provider, socket};
use crate::{Caller, Peer, PeerSvid};

/// How long a peer may take over its handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How many handshakes may be under way; more wait in the kernel's queue.
const HANDSHAKES: usize = 1024;
/// How long to wait before accepting again after a failure such as "too many open files".
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Why the endpoint cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address is taken, or not ours to bind.
    #[error(
        "could not listen on {addr}: {source}; choose another bind_address or bind_port, or stop what uses it"
    )]
    Bind {
        /// The address.
        addr: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// TLS cannot be set up with the provider's algorithms.
    #[error("could not set up TLS: {0}")]
    Tls(#[from] rustls::Error),
}

/// What the endpoint presents, and whom it lets in.
#[derive(Clone)]
pub struct TlsServerConfig {
    /// The trust domain whose members may present certificates.
    pub trust_domain: TrustDomain,
    /// The bundles; asked on each handshake.
    pub bundles: Arc<dyn Bundles>,
    /// The certificate presented; the current value counts on each handshake.
    pub identity: watch::Receiver<Option<Identity>>,
    /// IDs of other trust domains that may connect, as `admin_ids` lists them.
    pub foreign_admins: Vec<SpiffeId>,
    /// The time.
    pub clock: Clock,
}

/// A bound TCP port with TLS.
pub struct TlsListener {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    handshakes: JoinSet<Option<Connection>>,
}

type Connection = Peer<TlsStream<TcpStream>>;

impl TlsListener {
    /// Binds `addr`.
    ///
    /// # Errors
    /// When the system refuses, for example because the port is taken.
    pub async fn bind(addr: SocketAddr, config: TlsServerConfig) -> Result<Self, ListenError> {
        let acceptor = TlsAcceptor::from(Arc::new(server_config(config)?));
        let listener = TcpListener::bind(addr)
            .await
            .map_err(|source| ListenError::Bind { addr, source })?;
        Ok(Self {
            listener,
            acceptor,
            handshakes: JoinSet::new(),
        })
    }

    /// The address bound, with the port that the system chose where 0 was asked for.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// The connections whose handshake succeeded. Ends never; a failure to accept is waited out,
    /// a failed handshake is logged.
    pub fn incoming(self) -> impl Stream<Item = io::Result<Connection>> + Send {
        stream::unfold(self, |mut listener| async move {
            let connection = listener.next().await;
            Some((Ok(connection), listener))
        })
    }

    async fn next(&mut self) -> Connection {
        loop {
            tokio::select! {
                Some(done) = self.handshakes.join_next() => {
                    if let Ok(Some(connection)) = done {
                        return connection;
                    }
                }
                accepted = self.listener.accept(), if self.handshakes.len() < HANDSHAKES => {
                    self.begin(accepted).await;
                }
            }
        }
    }

    async fn begin(&mut self, accepted: io::Result<(TcpStream, SocketAddr)>) {
        match accepted {
            Ok((stream, addr)) => {
                self.handshakes
                    .spawn(handshake(self.acceptor.clone(), stream, addr));
            }
            Err(error) => {
                tracing::warn!(%error, "Could not accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn handshake(
    acceptor: TlsAcceptor,
    stream: TcpStream,
    addr: SocketAddr,
) -> Option<Connection> {
    socket::tune(&stream);
    let stream = match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            tracing::debug!(caller_addr = %addr, %error, "TLS handshake failed");
            return None;
        }
        Err(_) => {
            tracing::debug!(caller_addr = %addr, "TLS handshake took too long");
            return None;
        }
    };
    match identify(&stream, addr) {
        Ok(caller) => Some(Peer::new(stream, caller)),
        Err(error) => {
            tracing::warn!(caller_addr = %addr, %error, "Client certificate cannot be read");
            None
        }
    }
}

/// Reads what the handshake verified.
fn identify(stream: &TlsStream<TcpStream>, addr: SocketAddr) -> Result<Caller, X509Error> {
    let Some(chain) = stream.get_ref().1.peer_certificates() else {
        return Ok(Caller::Anonymous { addr });
    };
    let leaf = chain.first().ok_or(X509Error::EmptyChain)?;
    let info = CertificateInfo::parse(leaf)?;
    Ok(Caller::X509(Arc::new(PeerSvid {
        id: spiffe_id_from_leaf(leaf)?,
        serial_decimal: info.serial.to_string(),
        not_after: info.not_after,
        chain: chain.iter().map(|der| der.to_vec()).collect(),
        addr,
    })))
}

fn server_config(config: TlsServerConfig) -> Result<ServerConfig, rustls::Error> {
    let verifier = SvidClientVerifier::new(
        config.trust_domain,
        config.foreign_admins,
        config.bundles,
        config.clock,
    );
    let mut tls = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13, &TLS12])?
        .with_client_cert_verifier(Arc::new(verifier))
        .with_cert_resolver(Arc::new(CurrentIdentity(config.identity)));
    tls.alpn_protocols = vec![ALPN.to_vec()];
    // A resumed session would skip the check of the client's certificate.
    tls.session_storage = Arc::new(NoServerSessionStorage {});
    tls.send_tls13_tickets = 0;
    Ok(tls)
}

/// Presents what is current at the time of the handshake.
#[derive(Debug)]
struct CurrentIdentity(watch::Receiver<Option<Identity>>);

impl ResolvesServerCert for CurrentIdentity {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.borrow().as_ref().map(Identity::certified)
    }
}

impl fmt::Debug for TlsServerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsServerConfig")
            .field("trust_domain", &self.trust_domain)
            .field("identity", &self.identity)
            .field("foreign_admins", &self.foreign_admins)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for TlsListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TlsListener({:?})", self.listener.local_addr())
    }
}
