//! The TCP endpoint: accepts, shakes hands, and hands out connections that know their peer.

use std::{io, net::SocketAddr, sync::Arc};

use futures::{Stream, stream};
use steeple_lifecycle::Clock;
use steeple_spiffe::{Bundle, SpiffeId, TrustDomain};
use tokio::{net::TcpStream, sync::watch};
use tokio_rustls::server::TlsStream;

use super::Identity;
use crate::Peer;

/// Why the endpoint cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address is taken, or not ours to bind.
    #[error("could not listen on {addr}: {source}")]
    Bind {
        /// The address.
        addr: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

/// What the endpoint presents, and whom it lets in.
#[derive(Clone, Debug)]
pub struct TlsServerConfig {
    /// The trust domain whose members may present certificates.
    pub trust_domain: TrustDomain,
    /// That trust domain's bundle; the current value counts on each handshake.
    pub bundle: watch::Receiver<Arc<Bundle>>,
    /// The certificate presented; the current value counts on each handshake.
    pub identity: watch::Receiver<Option<Identity>>,
    /// IDs of other trust domains that may connect, as `admin_ids` lists them.
    pub foreign_admins: Vec<SpiffeId>,
    /// The time.
    pub clock: Clock,
}

/// A bound TCP port with TLS.
#[derive(Debug)]
pub struct TlsListener {
    _config: TlsServerConfig,
}

impl TlsListener {
    /// Binds `addr`.
    ///
    /// # Errors
    /// When the system refuses, for example because the port is taken.
    pub async fn bind(_addr: SocketAddr, config: TlsServerConfig) -> Result<Self, ListenError> {
        Ok(Self { _config: config })
    }

    /// The connections whose handshake succeeded.
    pub fn incoming(self) -> impl Stream<Item = io::Result<Peer<TlsStream<TcpStream>>>> + Send {
        stream::empty()
    }
}
