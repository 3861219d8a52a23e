//! gRPC over a Unix socket.

use std::path::Path;

use anyhow::Result;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tonic::transport::{Channel, Endpoint, Uri};
use tower::service_fn;

/// A channel to the server or agent behind this socket.
///
/// # Errors
///
/// When nobody listens there.
pub async fn unix_channel(socket: &Path) -> Result<Channel> {
    let socket = socket.to_path_buf();
    let connect = service_fn(move |_: Uri| {
        let socket = socket.clone();
        async move { UnixStream::connect(socket).await.map(TokioIo::new) }
    });
    Ok(Endpoint::from_static("http://localhost")
        .connect_with_connector(connect)
        .await?)
}
