//! Both ends of the TLS endpoint against each other.

use std::{net::SocketAddr, pin::pin, sync::Arc};

use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    SanType,
};
use rustls::{
    ClientConfig, SupportedProtocolVersion,
    version::{TLS12, TLS13},
};
use steeple_lifecycle::Clock;
use steeple_spiffe::{Bundle, SpiffeId, TrustDomain, X509Authority};
use tokio::{io::AsyncReadExt, net::TcpStream, sync::watch};
use tokio_rustls::TlsConnector;

use super::{connector::Connector, server_verifier::SvidServerVerifier, *};
use crate::Caller;

/// Dates of certificates are whole days here.
const DAY: SignedDuration = SignedDuration::from_hours(48);

struct Ca(CertifiedIssuer<'static, KeyPair>);

impl Ca {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.distinguished_name.push(DnType::CommonName, "test");
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn bundle(&self, domain: &str) -> Arc<Bundle> {
        let mut bundle = Bundle::empty(TrustDomain::parse(domain).unwrap());
        bundle.x509_authorities = vec![X509Authority {
            der: self.0.der().to_vec(),
            tainted: false,
        }];
        Arc::new(bundle)
    }

    fn issue(&self, id: &str, lifetime: SignedDuration) -> Identity {
        let now = Clock::system().now();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![SanType::URI(id.try_into().unwrap())];
        params.serial_number = Some(258u64.into());
        let day = |time: Timestamp| time.to_zoned(jiff::tz::TimeZone::UTC).date();
        let (begin, end) = (day(now - DAY * 2), day(now + lifetime));
        params.not_before =
            rcgen::date_time_ymd(begin.year().into(), begin.month() as u8, begin.day() as u8);
        params.not_after =
            rcgen::date_time_ymd(end.year().into(), end.month() as u8, end.day() as u8);
        let leaf = params.signed_by(&key, &self.0).unwrap();
        Identity::from_pkcs8(&[leaf.der().to_vec()], &key.serialize_der()).unwrap()
    }
}

struct Server {
    addr: SocketAddr,
    identity: watch::Sender<Option<Identity>>,
    callers: tokio::sync::mpsc::Receiver<Caller>,
    _task: tokio::task::JoinHandle<()>,
}

async fn serve(ca: &Ca, foreign_admins: &[&str]) -> Server {
    let bundle = ca.bundle("td");
    let foreign = Ca::bundle(ca, "other");
    let (identity, current) = watch::channel(Some(ca.issue("spiffe://td/spire/server", DAY)));
    let bundles = move |domain: &TrustDomain| match domain.as_str() {
        "td" => Some(Arc::clone(&bundle)),
        "other" => Some(Arc::clone(&foreign)),
        _ => None,
    };
    let config = TlsServerConfig {
        trust_domain: TrustDomain::parse("td").unwrap(),
        bundles: Arc::new(bundles),
        identity: current,
        foreign_admins: foreign_admins
            .iter()
            .map(|id| SpiffeId::parse(id).unwrap())
            .collect(),
        clock: Clock::system(),
    };
    let listener = TlsListener::bind("127.0.0.1:0".parse().unwrap(), config)
        .await
        .unwrap();
    let addr = listener.local_addr().unwrap();
    let (seen, callers) = tokio::sync::mpsc::channel(16);
    #[expect(
        clippy::disallowed_methods,
        reason = "the test's server ends with the test"
    )]
    let task = tokio::spawn(async move {
        let mut incoming = pin!(listener.incoming());
        while let Some(Ok(peer)) = incoming.next().await {
            seen.send(peer.caller().clone()).await.unwrap();
        }
    });
    Server {
        addr,
        identity,
        callers,
        _task: task,
    }
}

fn target(addr: SocketAddr, policy: ServerPolicy, identity: Option<Identity>) -> Target {
    Target {
        host: addr.ip().to_string(),
        port: addr.port(),
        trust_domain: TrustDomain::parse("td").unwrap(),
        policy,
        identity: identity.map(|identity| watch::channel(Some(identity)).1),
        clock: Clock::system(),
    }
}

fn verify(ca: &Ca) -> ServerPolicy {
    ServerPolicy::Verify(watch::channel(ca.bundle("td")).1)
}

/// Connects and waits for the end of the stream or an alert: in TLS 1.3 the server's refusal
/// comes after the client thinks that all is well.
async fn dial(
    server: &Server,
    policy: ServerPolicy,
    identity: Option<Identity>,
) -> Result<(), String> {
    let connector = Connector::new(target(server.addr, policy, identity)).unwrap();
    let mut stream = connector
        .connect()
        .await
        .map_err(|error| error.to_string())?;
    // A server that accepts closes at once here, without a word.
    match stream.read(&mut [0]).await {
        Ok(0) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(()),
        other => Err(format!("{other:?}")),
    }
}

#[tokio::test]
async fn a_member_is_known_by_its_svid() {
    let ca = Ca::new();
    let mut server = serve(&ca, &[]).await;
    let agent = ca.issue("spiffe://td/spire/agent/x", DAY);
    dial(&server, verify(&ca), Some(agent)).await.unwrap();
    let Some(Caller::X509(svid)) = server.callers.recv().await else {
        panic!("not an SVID")
    };
    assert_eq!(svid.id.as_str(), "spiffe://td/spire/agent/x");
    assert_eq!(svid.serial_decimal, "258");
    assert_eq!(svid.chain.len(), 1);
}

#[tokio::test]
async fn a_caller_without_certificate_is_anonymous_on_both_tls_versions() {
    let ca = Ca::new();
    let mut server = serve(&ca, &[]).await;
    for version in [&TLS12, &TLS13] {
        dial_version(&server, &ca, version).await;
        let caller = server.callers.recv().await.unwrap();
        assert!(matches!(caller, Caller::Anonymous { .. }), "{caller:?}");
    }
}

async fn dial_version(server: &Server, ca: &Ca, version: &'static SupportedProtocolVersion) {
    let id = SpiffeId::parse("spiffe://td/spire/server").unwrap();
    let verifier = SvidServerVerifier::new(id, verify(ca), Clock::system());
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[version])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let stream = TcpStream::connect(server.addr).await.unwrap();
    let name = "x".try_into().unwrap();
    let stream = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .unwrap();
    assert_eq!(stream.get_ref().1.protocol_version(), Some(version.version));
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
}

#[tokio::test]
async fn certificates_that_prove_nothing_fail_the_handshake() {
    let ca = Ca::new();
    let server = serve(&ca, &["spiffe://other/admin"]).await;
    let good = ca.issue("spiffe://td/w", DAY);
    dial(&server, verify(&ca), Some(good)).await.unwrap();
    let listed = ca.issue("spiffe://other/admin", DAY);
    dial(&server, verify(&ca), Some(listed)).await.unwrap();

    let refused = [
        ("foreign", ca.issue("spiffe://other/w", DAY)),
        ("expired", ca.issue("spiffe://td/w", -DAY)),
        ("unknown authority", Ca::new().issue("spiffe://td/w", DAY)),
        ("not a SPIFFE ID", ca.issue("https://td/w", DAY)),
    ];
    for (name, identity) in refused {
        let result = dial(&server, verify(&ca), Some(identity)).await;
        assert!(result.is_err(), "{name} was accepted");
    }
}

#[tokio::test]
async fn the_server_presents_what_is_current() {
    let ca = Ca::new();
    let server = serve(&ca, &[]).await;
    let next = Ca::new();
    assert!(dial(&server, verify(&next), None).await.is_err());
    server
        .identity
        .send_replace(Some(next.issue("spiffe://td/spire/server", DAY)));
    dial(&server, verify(&next), None).await.unwrap();
    server.identity.send_replace(None);
    assert!(dial(&server, verify(&next), None).await.is_err());
}

#[tokio::test]
async fn the_client_says_what_is_wrong_with_a_server() {
    let ca = Ca::new();
    let server = serve(&ca, &[]).await;
    let attempt = async |policy| {
        connect(target(server.addr, policy, None))
            .await
            .unwrap_err()
    };
    let error = attempt(verify(&Ca::new())).await;
    assert!(
        matches!(error, ConnectError::UnknownAuthority { .. }),
        "{error}"
    );

    server
        .identity
        .send_replace(Some(ca.issue("spiffe://td/w", DAY)));
    for policy in [verify(&ca), ServerPolicy::Insecure] {
        let error = attempt(policy).await;
        assert!(
            matches!(error, ConnectError::BadCertificate { .. }),
            "{error}"
        );
    }

    server
        .identity
        .send_replace(Some(ca.issue("spiffe://td/spire/server", -DAY)));
    let error = attempt(verify(&ca)).await;
    assert!(error.to_string().contains("expired"), "{error}");
    dial(&server, ServerPolicy::Insecure, None).await.unwrap();
}

#[tokio::test]
async fn nobody_listening_is_told_from_a_failed_handshake() {
    let ca = Ca::new();
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let error = connect(target(free, verify(&ca), None)).await.unwrap_err();
    assert!(matches!(error, ConnectError::Dial { .. }), "{error}");

    let channel = connect_lazy(target(free, verify(&ca), None)).unwrap();
    let mut client = steeple_proto::server::bundle::bundle_client::BundleClient::new(channel);
    let status = client
        .get_bundle(steeple_proto::server::bundle::GetBundleRequest::default())
        .await
        .unwrap_err();
    assert!(connect_error(&status).is_some(), "{status:?}");
}

#[tokio::test]
async fn a_busy_port_is_an_error_that_names_it() {
    let ca = Ca::new();
    let server = serve(&ca, &[]).await;
    let config = TlsServerConfig {
        trust_domain: TrustDomain::parse("td").unwrap(),
        bundles: Arc::new(|_: &TrustDomain| None),
        identity: watch::channel(None).1,
        foreign_admins: Vec::new(),
        clock: Clock::system(),
    };
    let error = TlsListener::bind(server.addr, config).await.unwrap_err();
    assert!(
        error.to_string().contains(&server.addr.port().to_string()),
        "{error}"
    );
}
