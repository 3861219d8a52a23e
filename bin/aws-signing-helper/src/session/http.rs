//! One request on a connection of its own: a session is asked for about once an hour, so keeping a
//! connection, or the roots to verify one, would cost memory for nothing.

use std::{pin::pin, sync::Arc};

use http::{Request, StatusCode, header::HeaderMap};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use super::{Endpoint, SessionError, proxy::Proxy};

/// The largest answer that is read.
const MAX_ANSWER: usize = 1 << 20;

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// Connects, by way of a proxy if there is one, and asks.
///
/// # Errors
/// When there is no connection or no whole answer.
pub(super) async fn send(
    endpoint: &Endpoint,
    proxy: Option<&Proxy>,
    tls: Option<Arc<ClientConfig>>,
    request: Request<Full<Bytes>>,
) -> Result<Answer, SessionError> {
    let (host, port) = match proxy {
        Some(proxy) => (proxy.host.as_str(), proxy.port),
        None => (endpoint.host.as_str(), endpoint.port),
    };
    let connecting = TcpStream::connect((host, port)).await;
    let mut stream = connecting.map_err(|error| SessionError::Connect {
        to: format!("{host}:{port}"),
        reason: error.to_string(),
    })?;
    let Some(tls) = tls else {
        return exchange(stream, request).await;
    };
    if let Some(proxy) = proxy {
        tunnel(&mut stream, endpoint, proxy).await?;
    }
    let failed = |reason: String| SessionError::Connect {
        to: endpoint.with_port(),
        reason,
    };
    let name = ServerName::try_from(endpoint.host.clone());
    let name = name.map_err(|error| failed(error.to_string()))?;
    let stream = TlsConnector::from(tls).connect(name, stream).await;
    exchange(
        stream.map_err(|error| failed(format!("TLS: {error}")))?,
        request,
    )
    .await
}

/// Asks an HTTP proxy for a way through.
async fn tunnel(
    stream: &mut TcpStream,
    endpoint: &Endpoint,
    proxy: &Proxy,
) -> Result<(), SessionError> {
    const MOST: u64 = 16 * 1024;
    let failed = |reason: String| SessionError::Connect {
        to: format!(
            "{} by way of proxy {}:{}",
            endpoint.with_port(),
            proxy.host,
            proxy.port
        ),
        reason,
    };
    let to = endpoint.with_port();
    let authorization = proxy.authorization.as_ref();
    let authorization = authorization
        .map(|value| format!("Proxy-Authorization: {value}\r\n"))
        .unwrap_or_default();
    let ask = format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n{authorization}\r\n");
    let mut head = Vec::new();
    let asked = async {
        stream.write_all(ask.as_bytes()).await?;
        while !head.ends_with(b"\r\n\r\n") && (head.len() as u64) < MOST {
            head.push(stream.read_u8().await?);
        }
        Ok::<_, std::io::Error>(())
    };
    asked.await.map_err(|error| failed(error.to_string()))?;
    let status = String::from_utf8_lossy(&head);
    let status = status.lines().next().unwrap_or_default();
    match status.split(' ').nth(1) {
        Some("200") => Ok(()),
        _ => Err(failed(format!("the proxy answered {status:?}"))),
    }
}

async fn exchange<S>(stream: S, request: Request<Full<Bytes>>) -> Result<Answer, SessionError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let broken = |error: String| SessionError::Broken(error);
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| broken(error.to_string()))?;
    let exchange = async move {
        let answer = sender.send_request(request).await;
        let (head, body) = answer
            .map_err(|error| broken(error.to_string()))?
            .into_parts();
        let body = Limited::new(body, MAX_ANSWER).collect().await;
        let body = body.map_err(|error| broken(format!("its body broke off: {error}")))?;
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body: body.to_bytes(),
        })
    };
    let (mut exchange, mut connection) = (pin!(exchange), pin!(connection));
    let mut open = true;
    loop {
        tokio::select! {
            answer = &mut exchange => return answer,
            // What went wrong is told to the exchange.
            _ = &mut connection, if open => open = false,
        }
    }
}
