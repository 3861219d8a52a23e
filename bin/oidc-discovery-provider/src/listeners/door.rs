//! A listener of any kind.

use std::{io, time::Duration};

use steeple_grpc::UnixEndpoint;
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio_rustls::TlsAcceptor;

/// How long to wait before accepting again after a failure such as "too many open files".
const PAUSE: Duration = Duration::from_millis(50);

/// A listener.
pub(crate) enum Door {
    /// Plain TCP.
    Tcp(TcpListener),
    /// TCP with TLS.
    Tls(TcpListener, TlsAcceptor),
    /// A Unix socket.
    Unix(UnixEndpoint),
}

/// Who came in, before TLS.
pub(super) enum Visitor {
    Plain(TcpStream, String),
    Tls(TcpStream, TlsAcceptor, String),
    Local(UnixStream),
}

impl Door {
    /// The next one who comes.
    pub(super) async fn next(&self) -> Visitor {
        loop {
            match self.accept().await {
                Ok(visitor) => return visitor,
                Err(error) => {
                    tracing::warn!(%error, "Could not accept a connection");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn accept(&self) -> io::Result<Visitor> {
        match self {
            Self::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok(Visitor::Plain(stream, address.to_string()))
            }
            Self::Tls(listener, acceptor) => {
                let (stream, address) = listener.accept().await?;
                stream.set_nodelay(true)?;
                let address = address.to_string();
                Ok(Visitor::Tls(stream, acceptor.clone(), address))
            }
            Self::Unix(endpoint) => Ok(Visitor::Local(endpoint.accept_plain().await?)),
        }
    }
}
