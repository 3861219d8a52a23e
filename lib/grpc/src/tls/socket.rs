//! Options of TCP sockets: a peer that vanished is noticed within a minute and a half.

use std::os::fd::AsFd;

use nix::sys::socket::{setsockopt, sockopt};
use tokio::net::TcpStream;

const IDLE_SECONDS: u32 = 30;
const PROBE_SECONDS: u32 = 15;
const PROBES: u32 = 4;

/// Turns on keepalive probes and turns off delays. HTTP/2 pings are not used: stock servers
/// answer frequent ones by closing the connection.
pub(crate) fn tune(stream: &TcpStream) {
    let socket = stream.as_fd();
    let done = stream
        .set_nodelay(true)
        .map_err(|error| error.to_string())
        .and_then(|()| {
            setsockopt(&socket, sockopt::KeepAlive, &true)
                .and_then(|()| setsockopt(&socket, sockopt::TcpKeepIdle, &IDLE_SECONDS))
                .and_then(|()| setsockopt(&socket, sockopt::TcpKeepInterval, &PROBE_SECONDS))
                .and_then(|()| setsockopt(&socket, sockopt::TcpKeepCount, &PROBES))
                .map_err(|error| error.to_string())
        });
    if let Err(error) = done {
        tracing::debug!(error, "Could not tune a TCP socket");
    }
}
