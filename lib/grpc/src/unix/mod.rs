//! What stands between an accepted Unix stream and HTTP/2.
//!
//! gRPC C-core clients (Python, C++, Ruby, some Java and Swift versions) send the percent-encoded
//! path of the socket as `:authority`. That is no authority, and the HTTP/2 server answers
//! PROTOCOL_ERROR, so no such client could ever talk to us. [`AuthorityAdapter`] reads the
//! client's frames ahead of the server and puts `localhost` in its place. The authority means
//! nothing on a Unix socket: the path that was connected to is the address.

mod adapter;
mod block;
mod rewriter;

use tokio::net::UnixStream;

pub use adapter::AuthorityAdapter;

/// The stream that HTTP/2 reads from.
pub(crate) type Adapted = AuthorityAdapter<UnixStream>;

/// Puts the adapter on an accepted stream.
pub(crate) fn adapt(stream: UnixStream) -> Adapted {
    AuthorityAdapter::new(stream)
}
