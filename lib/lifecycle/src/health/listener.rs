//! The HTTP listener of `health_checks`.

use std::{convert::Infallible, time::Duration};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::Value;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use super::{Health, Report};

/// How many probes may be open at a time.
const CONNECTIONS: usize = 64;
/// How long a probe may take over its request's head, and wait between requests.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where health is told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HealthConfig {
    /// Host and port to listen on, as `localhost:80`.
    pub address: String,
    /// The readiness page's path.
    pub ready_path: String,
    /// The liveness page's path.
    pub live_path: String,
}

/// Serves both pages until `stopping` is cancelled. An address that cannot be bound is logged and
/// no reason to end: what depends on the pages will notice, everything else works.
pub async fn serve(config: HealthConfig, health: Health, stopping: CancellationToken) {
    let listener = match TcpListener::bind(&config.address).await {
        Ok(listener) => listener,
        Err(error) => {
            let next = "choose another health_checks bind_address or bind_port";
            let address = config.address;
            tracing::error!(
                subsystem_name = "health",
                address,
                error = %format!("failed to listen: {error}; {next}"),
                "Error serving health checks"
            );
            return;
        }
    };
    tracing::info!(
        subsystem_name = "health",
        address = config.address,
        "Serving health checks"
    );
    accept(listener, &config, &health, stopping).await;
}

async fn accept(
    listener: TcpListener,
    config: &HealthConfig,
    health: &Health,
    stopping: CancellationToken,
) {
    // Dropped at the end, and with it every connection.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < CONNECTIONS => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(answer(stream, config.clone(), health.clone()));
                }
                Err(error) => {
                    tracing::warn!(subsystem_name = "health", %error, "Failed to accept a probe");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
        }
    }
}

async fn answer(stream: TcpStream, config: HealthConfig, health: Health) {
    let service = service_fn(|request: Request<Incoming>| {
        let response = page(&config, &health, request.method(), request.uri().path());
        async { Ok::<_, Infallible>(response) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(subsystem_name = "health", %error, "A probe ended its connection early");
    }
}

fn page(
    config: &HealthConfig,
    health: &Health,
    method: &Method,
    path: &str,
) -> Response<Full<Bytes>> {
    let report = match path {
        _ if path == config.ready_path => health.ready(),
        _ if path == config.live_path => health.live(),
        _ => {
            return reply(
                StatusCode::NOT_FOUND,
                "text/plain; charset=utf-8",
                "404 page not found\n".to_owned(),
            );
        }
    };
    let Report { well, details } = report;
    let status = if well {
        StatusCode::OK
    } else {
        StatusCode::INTERNAL_SERVER_ERROR
    };
    let body = if method == Method::HEAD {
        String::new()
    } else {
        format!("{}\n", Value::from_iter(details))
    };
    reply(status, "application/json", body)
}

fn reply(status: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    response
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use async_trait::async_trait;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::health::{Check, State};

    struct Fixed(State);

    #[async_trait]
    impl Check for Fixed {
        async fn check(&self) -> State {
            self.0.clone()
        }
    }

    async fn get(address: &str, path: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).await.unwrap();
        reply
    }

    fn config(address: &str) -> HealthConfig {
        HealthConfig {
            address: address.to_owned(),
            ready_path: "/ready".to_owned(),
            live_path: "/live".to_owned(),
        }
    }

    #[tokio::test]
    async fn pages_tell_status_and_details() {
        let health = Health::new();
        health
            .add("server", Arc::new(Fixed(State::healthy())))
            .unwrap();
        let slow = State {
            live: true,
            ..State::failed("why", "starting")
        };
        health.add("server.ca", Arc::new(Fixed(slow))).unwrap();
        let stopping = CancellationToken::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let config = config(&address);

        let probe = async {
            // The checks run once, then rest until stopped.
            let live = loop {
                let live = get(&address, "/live").await;
                if live.starts_with("HTTP/1.1 200 OK") {
                    break live;
                }
            };
            assert!(live.contains("content-type: application/json"), "{live}");
            let body = "\r\n\r\n{\"server\":{},\"server.ca\":{\"why\":\"starting\"}}\n";
            assert!(live.ends_with(body), "{live}");
            let ready = get(&address, "/ready").await;
            assert!(ready.starts_with("HTTP/1.1 500 "), "{ready}");
            assert!(get(&address, "/").await.starts_with("HTTP/1.1 404 "));
            stopping.cancel();
        };
        let serving = accept(listener, &config, &health, stopping.clone());
        tokio::join!(probe, serving, health.run(stopping.clone()));
    }

    #[tokio::test]
    async fn a_busy_port_is_no_reason_to_end() {
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = taken.local_addr().unwrap().to_string();
        serve(config(&address), Health::new(), CancellationToken::new()).await;
    }
}
