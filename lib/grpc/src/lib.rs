//! Who is on the other end: peer identity from TLS or a Unix socket, the listeners and channels
//! that find it out, and the mapping of errors to gRPC status.
//!
//! A listener hands out connections that carry a [`Caller`]; tonic puts it into the extensions of
//! every request, so `request.extensions().get::<Caller>()` answers "who".

mod caller;
mod details;
mod local;
mod stream;
mod tls;
pub mod unix;

pub use caller::{Caller, PeerProcess, PeerSvid};
pub use details::{DenialReason, denial_reason, denied};
pub use local::{LocalError, SocketOptions, UnixEndpoint, unix_channel, unix_channel_lazy};
pub use stream::Peer;
pub use tls::{
    Bundles, ConnectError, Identity, IdentityError, ListenError, ServerPolicy, Target, TlsListener,
    TlsServerConfig, connect, connect_error, connect_lazy, provider,
};
