//! Makes the TLS connections of a channel: resolve, dial, shake hands.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use rustls::{
    ClientConfig,
    client::{ResolvesClientCert, Resumption},
    sign::CertifiedKey,
    version::{TLS12, TLS13},
};
use rustls_pki_types::ServerName;
use tokio::{
    net::{TcpStream, lookup_host},
    sync::watch,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{
    ALPN, ConnectError, Identity, Target, provider,
    refusal::{self, Refusal},
    server_verifier::SvidServerVerifier,
    socket,
};

/// How long one address may take to answer.
const DIAL: Duration = Duration::from_secs(5);
/// How long the handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Connects to one target, as often as asked.
#[derive(Clone)]
pub(crate) struct Connector {
    host: String,
    port: u16,
    tls: TlsConnector,
    name: ServerName<'static>,
}

impl Connector {
    pub(crate) fn new(target: Target) -> Result<Self, ConnectError> {
        let address = format!("{}:{}", target.host, target.port);
        let name = ServerName::try_from(target.host.clone())
            .or_else(|_| ServerName::try_from("spire-server"))
            .map_err(|error| ConnectError::Handshake {
                target: address.clone(),
                reason: error.to_string(),
            })?;
        let (host, port) = (target.host.clone(), target.port);
        let config = client_config(target).map_err(|error| ConnectError::Handshake {
            target: address,
            reason: error.to_string(),
        })?;
        Ok(Self {
            host,
            port,
            tls: TlsConnector::from(Arc::new(config)),
            name,
        })
    }

    /// A fresh connection.
    pub(crate) async fn connect(&self) -> Result<TlsStream<TcpStream>, ConnectError> {
        let stream = self.dial().await?;
        socket::tune(&stream);
        match timeout(HANDSHAKE, self.tls.connect(self.name.clone(), stream)).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => Err(self.explain(&error)),
            Err(_) => Err(ConnectError::Handshake {
                target: self.target(),
                reason: "it took too long".to_owned(),
            }),
        }
    }

    fn target(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    async fn dial(&self) -> Result<TcpStream, ConnectError> {
        let unresolved = |source: io::Error| ConnectError::Resolve {
            host: self.host.clone(),
            source: Arc::new(source),
        };
        let addresses: Vec<SocketAddr> =
            timeout(DIAL, lookup_host((self.host.as_str(), self.port)))
                .await
                .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
                .map_err(unresolved)?
                .collect();
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in addresses {
            match timeout(DIAL, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last = error,
                Err(_) => last = io::ErrorKind::TimedOut.into(),
            }
        }
        Err(ConnectError::Dial {
            target: self.target(),
            source: Arc::new(last),
        })
    }

    fn explain(&self, error: &io::Error) -> ConnectError {
        let target = self.target();
        match refusal::find(error) {
            Some(Refusal::UnknownAuthority(id)) => ConnectError::UnknownAuthority {
                target,
                id: id.to_string(),
            },
            Some(refusal) => ConnectError::BadCertificate {
                target,
                reason: refusal.to_string(),
            },
            None => ConnectError::Handshake {
                target,
                reason: error.to_string(),
            },
        }
    }
}

fn client_config(target: Target) -> Result<ClientConfig, rustls::Error> {
    let verifier =
        SvidServerVerifier::new(target.trust_domain.server_id(), target.policy, target.clock);
    let builder = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13, &TLS12])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut tls = match target.identity {
        Some(identity) => builder.with_client_cert_resolver(Arc::new(CurrentIdentity(identity))),
        None => builder.with_no_client_auth(),
    };
    tls.alpn_protocols = vec![ALPN.to_vec()];
    // A resumed session would skip the check of the server's certificate.
    tls.resumption = Resumption::disabled();
    Ok(tls)
}

/// Presents what is current at the time of the handshake.
#[derive(Debug)]
struct CurrentIdentity(watch::Receiver<Option<Identity>>);

impl ResolvesClientCert for CurrentIdentity {
    fn resolve(
        &self,
        _root_hints: &[&[u8]],
        _schemes: &[rustls::SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        self.0.borrow().as_ref().map(Identity::certified)
    }

    fn has_certs(&self) -> bool {
        true
    }
}
