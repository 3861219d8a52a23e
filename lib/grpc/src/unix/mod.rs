//! What stands between an accepted Unix stream and HTTP/2.

use tokio::net::UnixStream;

/// The stream that HTTP/2 reads from.
pub(crate) type Adapted = UnixStream;

/// Puts the adapter on an accepted stream.
pub(crate) fn adapt(stream: UnixStream) -> Adapted {
    stream
}
