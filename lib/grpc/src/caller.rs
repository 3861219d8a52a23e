//! The peer of a connection, as far as the transport can prove it.

use std::{net::SocketAddr, os::fd::OwnedFd, sync::Arc};

use jiff::Timestamp;
use steeple_spiffe::SpiffeId;

/// Who is calling. Made by a listener only, from what it verified itself; cheap to clone.
#[derive(Clone, Debug)]
pub enum Caller {
    /// A process on this machine, over a Unix socket.
    Local(PeerProcess),
    /// Somebody over TLS without a client certificate.
    Anonymous {
        /// Where the connection comes from.
        addr: SocketAddr,
    },
    /// Somebody over TLS who holds the key of a valid X.509-SVID.
    X509(Arc<PeerSvid>),
}

impl Caller {
    /// The SPIFFE ID, of callers that have one.
    pub fn id(&self) -> Option<&SpiffeId> {
        match self {
            Self::X509(svid) => Some(&svid.id),
            Self::Local(_) | Self::Anonymous { .. } => None,
        }
    }

    /// The network address, of callers over TCP.
    pub fn addr(&self) -> Option<SocketAddr> {
        match self {
            Self::X509(svid) => Some(svid.addr),
            Self::Anonymous { addr } => Some(*addr),
            Self::Local(_) => None,
        }
    }
}

/// The X.509-SVID that a peer proved to hold during the handshake.
#[derive(Clone, Debug)]
pub struct PeerSvid {
    /// Its SPIFFE ID.
    pub id: SpiffeId,
    /// The serial number as the database writes it: decimal.
    pub serial_decimal: String,
    /// When it expires. A connection may outlive it, so look again where it matters.
    pub not_after: Timestamp,
    /// The chain as presented, DER, leaf first.
    pub chain: Vec<Vec<u8>>,
    /// Where the connection comes from.
    pub addr: SocketAddr,
}

/// A process at the other end of a Unix socket, as the kernel recorded it at connect time.
#[derive(Clone, Debug)]
pub struct PeerProcess {
    /// Its process id, as seen from this process's pid namespace; 0 when it is not visible there.
    pub pid: u32,
    /// Its effective user id.
    pub uid: u32,
    /// Its effective group id.
    pub gid: u32,
    /// A descriptor of that very process, where the kernel gives one (Linux 6.5 and later): it
    /// becomes readable when the process ends, so a recycled pid cannot pass for it.
    pub pidfd: Option<Arc<OwnedFd>>,
}
