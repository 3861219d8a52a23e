//! The HTTP listener of the health pages.

use std::{
    convert::Infallible,
    io,
    net::{Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use steeple_lifecycle::Clock;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use super::Status;
use crate::config::Health;

/// How many probes may be open at a time.
const CONNECTIONS: usize = 64;
/// How long a probe may take over the head of its request.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long to wait when no connection can be accepted.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves both pages until `stopping`. A port that cannot be bound is told, and everything else
/// goes on.
pub(crate) async fn serve(
    config: Health,
    status: Status,
    clock: Clock,
    stopping: CancellationToken,
) -> Result<(), Infallible> {
    tracing::info!("Starting health server");
    match bind(config.port).await {
        Ok(listener) => {
            let pages = Pages {
                config,
                status,
                clock,
            };
            accept(listener, &pages, stopping).await;
        }
        Err(error) => {
            let error = format!(
                "listen on port {}: {error}; choose another bind_port",
                config.port
            );
            tracing::warn!(error, "Error serving health checks");
        }
    }
    Ok(())
}

/// Every interface; without IPv6 in the kernel, every interface of IPv4.
async fn bind(port: u16) -> io::Result<TcpListener> {
    match TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).await {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(error),
        Err(_) => TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await,
    }
}

#[derive(Clone)]
struct Pages {
    config: Health,
    status: Status,
    clock: Clock,
}

async fn accept(listener: TcpListener, pages: &Pages, stopping: CancellationToken) {
    // Dropped at the end, and with it every connection.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < CONNECTIONS => match accepted {
                Ok((stream, _)) => { connections.spawn(answer(stream, pages.clone())); }
                Err(error) => {
                    tracing::warn!(%error, "Error serving health checks");
                    tokio::time::sleep(PAUSE).await;
                }
            },
        }
    }
}

async fn answer(stream: TcpStream, pages: Pages) {
    let service = service_fn(|request: Request<Incoming>| {
        let response = pages.page(request.method(), request.uri().path());
        async { Ok::<_, Infallible>(response) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "A probe ended its connection early");
    }
}

impl Pages {
    fn page(&self, method: &Method, path: &str) -> Response<Full<Bytes>> {
        let now = self.clock.now();
        let (good, body) = match path {
            _ if path == self.config.live_path => self.status.live(now),
            _ if path == self.config.ready_path => self.status.ready(now),
            _ => {
                let text = "404 page not found\n".to_owned();
                return reply(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", text);
            }
        };
        let status = if good {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        let body = if method == Method::HEAD {
            String::new()
        } else {
            body
        };
        reply(status, "application/json", body)
    }
}

fn reply(status: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    response
}
