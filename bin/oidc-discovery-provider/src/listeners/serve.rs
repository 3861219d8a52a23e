//! Connections and the HTTP on them.

use std::{convert::Infallible, pin::pin, sync::Arc, time::Duration};

use http::{Request, Version};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::{
    door::{Door, Visitor},
    tls,
};
use crate::pages::{Pages, Peer};

/// How many connections may be open at a time; further ones wait to be accepted.
const CONNECTIONS: usize = 4096;
/// How long the TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long a request's head may take, and how long a connection may rest between requests:
/// longer than proxies in front are used to let theirs rest, which is a minute.
const PATIENCE: Duration = Duration::from_secs(75);
/// How long a connection may live: those that never say anything go by then.
const LIFETIME: Duration = Duration::from_secs(15 * 60);
/// How long answers on their way may take after the stop.
const DRAIN: Duration = Duration::from_secs(3);

/// Answers those who come in until `stopping`.
pub(crate) async fn serve(
    door: Door,
    pages: Arc<dyn Pages>,
    stopping: CancellationToken,
) -> Result<(), Infallible> {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stopping.cancelled() => break,
            Some(_) = connections.join_next() => {}
            visitor = door.next(), if connections.len() < CONNECTIONS => {
                let (pages, stopping) = (Arc::clone(&pages), stopping.clone());
                connections.spawn(receive(visitor, pages, stopping));
            }
        }
    }
    drop(door);
    let ended = async { while connections.join_next().await.is_some() {} };
    // What has not ended by then is dropped.
    tokio::time::timeout(DRAIN, ended).await.unwrap_or_default();
    Ok(())
}

async fn receive(visitor: Visitor, pages: Arc<dyn Pages>, stopping: CancellationToken) {
    let peer = |address, secure| Peer { address, secure };
    match visitor {
        Visitor::Plain(stream, address) => {
            let peer = peer(address, false);
            talk(stream, Version::HTTP_11, pages, peer, stopping).await;
        }
        Visitor::Local(stream) => {
            let peer = peer("@".to_owned(), false);
            talk(stream, Version::HTTP_11, pages, peer, stopping).await;
        }
        Visitor::Tls(stream, acceptor, address) => {
            if let Some(stream) = shake_hands(stream, &acceptor, &address).await {
                let version = agreed(&stream);
                talk(stream, version, pages, peer(address, true), stopping).await;
            }
        }
    }
}

type TlsStream = tokio_rustls::server::TlsStream<TcpStream>;

/// The encrypted connection; none if it was only to prove something, or came to nothing.
async fn shake_hands(
    stream: TcpStream,
    acceptor: &TlsAcceptor,
    address: &str,
) -> Option<TlsStream> {
    let failed = |error: &dyn std::fmt::Display| {
        tracing::debug!(%error, address, "A TLS handshake failed");
    };
    match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => {
            let protocol = stream.get_ref().1.alpn_protocol();
            (protocol != Some(tls::ACME)).then_some(stream)
        }
        Ok(Err(error)) => {
            failed(&error);
            None
        }
        Err(late) => {
            failed(&late);
            None
        }
    }
}

/// Without an agreement it is HTTP/1.1.
fn agreed(stream: &TlsStream) -> Version {
    match stream.get_ref().1.alpn_protocol() {
        Some(protocol) if protocol == tls::HTTP[0] => Version::HTTP_2,
        _ => Version::HTTP_11,
    }
}

async fn talk<S>(
    stream: S,
    version: Version,
    pages: Arc<dyn Pages>,
    peer: Peer,
    stopping: CancellationToken,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let address = peer.address.clone();
    let builder = builder(version);
    let service = service_fn(move |request: Request<Incoming>| {
        let (head, _unread) = request.into_parts();
        let reply = pages.answer(&head, &peer);
        async { Ok::<_, Infallible>(reply) }
    });
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = enough(&stopping) => {
            connection.as_mut().graceful_shutdown();
            let rest = tokio::time::timeout(DRAIN, connection).await;
            rest.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, address, "A connection ended early");
    }
}

async fn enough(stopping: &CancellationToken) {
    let old = tokio::time::sleep(LIFETIME);
    tokio::select! {
        () = stopping.cancelled() => {}
        () = old => {}
    }
}

fn builder(version: Version) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .title_case_headers(true);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PATIENCE)
        .max_concurrent_streams(64);
    match version {
        Version::HTTP_2 => builder.http2_only(),
        _ => builder.http1_only(),
    }
}
