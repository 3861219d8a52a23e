//! TLS and proxies on the way to the service.

use std::{
    io::{self, BufRead as _, BufReader, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use anyhow::{Context, Result, ensure};
use rcgen::{CertificateParams, KeyPair};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs::default_provider,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use steeple_tests::{Case, Place};

use crate::{
    double::Double,
    pki::Pki,
    program::{credentials, failure, session},
};

pub(crate) fn cases() -> Vec<Case> {
    vec![Case::new("tls_and_proxies", tls_and_proxies)]
}

/// A TLS server's settings and its certificate, PEM, which is its own root.
fn identity() -> Result<(ServerConfig, String)> {
    let key = KeyPair::generate()?;
    let names = ["localhost".to_owned(), "anywhere.test".to_owned()];
    let certificate = CertificateParams::new(names)?.self_signed(&key)?;
    let der = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], der)?;
    Ok((config, certificate.pem()))
}

fn tls_and_proxies(place: &Place) -> Result<()> {
    let pki = Pki::new()?;
    let (config, root) = identity()?;
    let double = Double::start_tls(pki.root_der(), config)?;
    let files = pki.write(place, &pki.ec_leaf(1)?)?;
    let bundle = place.write("roots.pem", root)?;
    let url = format!("https://localhost:{}", double.port());
    let call = |more: &[&str], url: &str| -> Result<_> {
        let mut command = session("credential-process", &double, &files, more)?;
        command.env("AWS_ENDPOINT_URL_ROLESANYWHERE", url);
        command.env("AWS_MAX_ATTEMPTS", "1");
        Ok(command)
    };
    let said = failure(&mut call(&[], &url)?)?;
    ensure!(said.contains("UnknownIssuer"), "{said}");
    credentials(&mut call(&["--no-verify-ssl"], &url)?)?;
    credentials(call(&[], &url)?.env("AWS_CA_BUNDLE", &bundle))?;
    // Another name than the certificate's.
    let other = format!("https://127.0.0.1:{}", double.port());
    let said = failure(call(&[], &other)?.env("AWS_CA_BUNDLE", &bundle))?;
    ensure!(said.contains("TLS"), "{said}");
    let said = failure(call(&[], &url)?.env("AWS_CA_BUNDLE", "/nonexistent"))?;
    ensure!(said.contains("AWS_CA_BUNDLE \"/nonexistent\""), "{said}");

    // A name that only the proxy can reach.
    let proxy = Proxy::start(double.port())?;
    let through = |name: &str| -> Result<_> {
        let mut command = call(&[], "https://anywhere.test")?;
        command.env("AWS_CA_BUNDLE", &bundle);
        command.env(name, format!("http://me:p%40ss@127.0.0.1:{}", proxy.port));
        Ok(command)
    };
    credentials(&mut through("HTTPS_PROXY")?)?;
    let asked = proxy.asked();
    ensure!(
        asked.starts_with("CONNECT anywhere.test:443 HTTP/1.1"),
        "{asked}"
    );
    ensure!(
        asked.contains("Proxy-Authorization: Basic bWU6cEBzcw=="),
        "{asked}"
    );
    failure(through("HTTPS_PROXY")?.env("NO_PROXY", ".test"))?;
    let socks = "socks5://127.0.0.1:1";
    let said = failure(call(&[], "https://anywhere.test")?.env("HTTPS_PROXY", socks))?;
    ensure!(said.contains("proxy that is not supported"), "{said}");
    Ok(())
}

/// A proxy that leads everywhere to one port, and remembers what it was asked.
struct Proxy {
    port: u16,
    asked: Arc<Mutex<String>>,
}

impl Proxy {
    fn start(to: u16) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("a port for the proxy")?;
        let port = listener.local_addr()?.port();
        let asked = Arc::new(Mutex::new(String::new()));
        let kept = Arc::clone(&asked);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let kept = Arc::clone(&kept);
                thread::spawn(move || drop(lead(client, to, &kept)));
            }
        });
        Ok(Self { port, asked })
    }

    fn asked(&self) -> String {
        let asked = self.asked.lock();
        asked.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn lead(mut client: TcpStream, to: u16, asked: &Mutex<String>) -> Result<()> {
    let mut head = String::new();
    let mut reader = BufReader::new(client.try_clone()?);
    while !head.ends_with("\r\n\r\n") {
        reader.read_line(&mut head)?;
    }
    asked
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push_str(&head);
    let mut server = TcpStream::connect(("127.0.0.1", to))?;
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
    let (mut back, mut answer) = (server.try_clone()?, client.try_clone()?);
    thread::spawn(move || drop(io::copy(&mut back, &mut answer)));
    io::copy(&mut reader, &mut server)?;
    server.shutdown(Shutdown::Write)?;
    Ok(())
}
