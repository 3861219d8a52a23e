//! A bundle from an address.

use std::{error::Error, io, path::Path, sync::Arc, time::Duration};

use http::{Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::{Bytes, Incoming};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioIo},
};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::UnixStream;

use super::Asking;

const TIMEOUT: Duration = Duration::from_secs(30);
const MAX_SIZE: usize = 4 * 1024 * 1024;
const MAX_REDIRECTS: usize = 10;

/// Why an address yields no bundle.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DownloadError {
    /// It is no address, or not one that may be asked.
    #[error("unable to parse trust bundle URL {url}: {reason}")]
    Url {
        /// The address.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The machine's certificate authorities cannot be used.
    #[error(
        "unable to fetch trust bundle URL {url}: no usable system certificate authorities: {reason}"
    )]
    Roots {
        /// The address.
        url: String,
        /// What is wrong with them.
        reason: String,
    },
    /// Nobody answered, or not to the end.
    #[error("unable to fetch trust bundle URL {url}: {reason}")]
    Failed {
        /// The address.
        url: String,
        /// What went wrong.
        reason: String,
    },
    /// The answer was another than 200.
    #[error("error downloading trust bundle: {status} from {url}")]
    Status {
        /// The address.
        url: String,
        /// The answer.
        status: StatusCode,
    },
}

/// Downloads what is at `url`.
pub(super) async fn fetch(
    url: &str,
    unix_socket: Option<&Path>,
    asking: &Asking,
) -> Result<Vec<u8>, DownloadError> {
    let fetching = async {
        match unix_socket {
            Some(socket) => over_socket(&with_asking(url, asking), socket).await,
            None => over_https(url).await,
        }
    };
    tokio::time::timeout(TIMEOUT, fetching)
        .await
        .unwrap_or_else(|_| {
            Err(failed(
                url,
                format!("no answer within {} s", TIMEOUT.as_secs()),
            ))
        })
}

async fn over_https(url: &str) -> Result<Vec<u8>, DownloadError> {
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls(url)?)
        .https_only()
        .enable_http1()
        .build();
    let client = Client::builder(TokioExecutor::new()).build::<_, Empty<Bytes>>(connector);
    let mut at = parse(url)?;
    for _ in 0..=MAX_REDIRECTS {
        let response = client
            .get(at.clone())
            .await
            .map_err(|error| failed(url, chain(&error)))?;
        match redirect(&at, &response) {
            Some(next) => at = parse(&next)?,
            None => return body(url, response).await,
        }
    }
    Err(failed(
        url,
        format!("stopped after {MAX_REDIRECTS} redirects"),
    ))
}

fn tls(url: &str) -> Result<ClientConfig, DownloadError> {
    let unusable = |reason: String| DownloadError::Roots {
        url: url.to_owned(),
        reason,
    };
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (usable, _) = roots.add_parsable_certificates(found.certs);
    if usable == 0 {
        let errors: Vec<_> = found.errors.iter().map(ToString::to_string).collect();
        return Err(unusable(if errors.is_empty() {
            "none found".into()
        } else {
            errors.join("; ")
        }));
    }
    ClientConfig::builder_with_provider(steeple_grpc::provider())
        .with_safe_default_protocol_versions()
        .map(|builder| {
            builder
                .with_root_certificates(Arc::new(roots))
                .with_no_client_auth()
        })
        .map_err(|error| unusable(error.to_string()))
}

async fn over_socket(url: &str, socket: &Path) -> Result<Vec<u8>, DownloadError> {
    let io_failed = |error: io::Error| failed(url, format!("{}: {error}", socket.display()));
    let uri = parse(url)?;
    let stream = UnixStream::connect(socket).await.map_err(io_failed)?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| failed(url, chain(&error)))?;
    let host = uri
        .authority()
        .map_or("localhost", |authority| authority.as_str())
        .to_owned();
    let target = uri
        .path_and_query()
        .map_or("/", |target| target.as_str())
        .to_owned();
    let request = Request::get(target)
        .header(header::HOST, host)
        .body(Empty::<Bytes>::new());
    let request = request.map_err(|error| failed(url, error.to_string()))?;
    let asked = async {
        let response = sender
            .send_request(request)
            .await
            .map_err(|error| failed(url, chain(&error)))?;
        body(url, response).await
    };
    tokio::pin!(asked);
    tokio::pin!(connection);
    tokio::select! {
        answer = &mut asked => answer,
        // The connection may end before the last bytes of the answer are read.
        _ = &mut connection => asked.await,
    }
}

/// The address with what a bundle provider on this machine wants to know.
fn with_asking(url: &str, asking: &Asking) -> String {
    let fields = [
        ("spiffe-trust-domain", asking.trust_domain.to_string()),
        ("spire-attest-mode", "bootstrap".to_owned()),
        (
            "spire-attest-start-time",
            asking.since.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        ),
        ("spire-connection-attempts", asking.attempt.to_string()),
        ("spire-server-address", asking.server_host.clone()),
        ("spire-server-port", asking.server_port.to_string()),
    ];
    let mut url = url.to_owned();
    for (name, value) in fields {
        url.push(if url.contains('?') { '&' } else { '?' });
        url.push_str(name);
        url.push('=');
        for byte in value.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    url.push(char::from(byte));
                }
                _ => url.push_str(&format!("%{byte:02X}")),
            }
        }
    }
    url
}

/// Where the answer sends us, if it does.
fn redirect(at: &Uri, response: &Response<Incoming>) -> Option<String> {
    if !response.status().is_redirection() {
        return None;
    }
    let location = response.headers().get(header::LOCATION)?.to_str().ok()?;
    match location.strip_prefix('/') {
        Some(path) => Some(format!("https://{}/{path}", at.authority()?)),
        None => Some(location.to_owned()),
    }
}

async fn body(url: &str, response: Response<Incoming>) -> Result<Vec<u8>, DownloadError> {
    if response.status() != StatusCode::OK {
        return Err(DownloadError::Status {
            url: url.to_owned(),
            status: response.status(),
        });
    }
    let body = Limited::new(response.into_body(), MAX_SIZE).collect().await;
    body.map(|body| body.to_bytes().to_vec())
        .map_err(|error| failed(url, chain(error.as_ref())))
}

fn parse(url: &str) -> Result<Uri, DownloadError> {
    let bad = |reason: String| DownloadError::Url {
        url: url.to_owned(),
        reason,
    };
    url.parse::<Uri>().map_err(|error| bad(error.to_string()))
}

fn failed(url: &str, reason: String) -> DownloadError {
    DownloadError::Failed {
        url: url.to_owned(),
        reason,
    }
}

/// An error with its causes.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::UnixListener,
    };

    use super::*;
    use crate::bootstrap::tests::asking;

    /// Answers one request on a socket and returns its first line.
    async fn answer(listener: UnixListener, answer: &'static str) -> String {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 4096];
        let n = stream.read(&mut request).await.unwrap();
        stream.write_all(answer.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        String::from_utf8_lossy(&request[..n])
            .lines()
            .next()
            .unwrap()
            .to_owned()
    }

    #[tokio::test]
    async fn a_provider_behind_a_socket_is_told_who_asks() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let listener = UnixListener::bind(&path).unwrap();
        let served = answer(listener, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
        let asking = asking();
        let fetched = fetch("http://x/bundle?a=b", Some(&path), &asking);
        let (line, body) = tokio::join!(served, fetched);
        assert_eq!(body.unwrap(), b"hi");
        assert_eq!(
            line,
            "GET /bundle?a=b&spiffe-trust-domain=example.org&spire-attest-mode=bootstrap\
             &spire-attest-start-time=1970-01-01T00%3A00%3A00Z&spire-connection-attempts=3\
             &spire-server-address=server.example&spire-server-port=8081 HTTP/1.1"
        );
    }

    #[tokio::test]
    async fn another_status_is_no_bundle() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let listener = UnixListener::bind(&path).unwrap();
        let served = answer(
            listener,
            "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nhi",
        );
        let asking = asking();
        let (_, body) = tokio::join!(served, fetch("http://x/", Some(&path), &asking));
        assert!(matches!(
            body,
            Err(DownloadError::Status {
                status: StatusCode::NOT_FOUND,
                ..
            })
        ));
    }

    #[tokio::test]
    async fn plain_http_is_not_asked() {
        let refused = fetch("http://127.0.0.1:1/", None, &asking())
            .await
            .unwrap_err();
        assert!(refused.to_string().contains("unable to fetch"), "{refused}");
    }
}
