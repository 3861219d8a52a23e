//! What both HTTPS listeners have in common.

use std::sync::Arc;

use rustls::{ServerConfig, server::ResolvesServerCert};
use steeple_grpc::provider;
use tokio_rustls::TlsAcceptor;

/// HTTP/2 and HTTP/1.1.
pub(super) const HTTP: [&[u8]; 2] = [b"h2", b"http/1.1"];
/// The protocol by which an ACME service looks for the proof (RFC 8737).
pub(super) const ACME: &[u8] = b"acme-tls/1";

/// TLS 1.2 and 1.3 with the certificates of `resolver`.
pub(super) fn config<R: ResolvesServerCert + 'static>(
    resolver: Arc<R>,
    protocols: &[&[u8]],
) -> Result<TlsAcceptor, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS12, &rustls::version::TLS13])?
        .with_no_client_auth()
        .with_cert_resolver(resolver);
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    Ok(TlsAcceptor::from(Arc::new(config)))
}
