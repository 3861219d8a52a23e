//! The answers to requests.

mod conditional;
mod discovery;
mod forwarded;
mod reply;
mod site;

pub(crate) use reply::{Reply, empty, json, refuse};
pub(crate) use site::Site;

use http::{HeaderMap, request::Parts};

/// The other end of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    /// Its address, for the log.
    pub(crate) address: String,
    /// Whether it came by TLS.
    pub(crate) secure: bool,
}

/// What answers requests.
pub(crate) trait Pages: Send + Sync + 'static {
    /// The answer. Bodies of requests are never looked at.
    fn answer(&self, head: &Parts, peer: &Peer) -> Reply;
}

/// The name that a request is for, with its port if it has one: that of its target, else the
/// `Host` header. Empty if nobody says.
fn host(head: &Parts) -> &str {
    match head.uri.authority() {
        Some(authority) => authority.as_str(),
        None => text(&head.headers, http::header::HOST.as_str()).unwrap_or_default(),
    }
}

/// The first value of a header, unless it is empty.
fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let value = std::str::from_utf8(headers.get(name)?.as_bytes()).ok()?;
    (!value.is_empty()).then_some(value)
}
