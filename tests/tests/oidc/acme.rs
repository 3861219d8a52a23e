//! HTTPS with a certificate from pebble, Let's Encrypt's small ACME service for tests.

use std::{fs, process::Command};

use anyhow::{Context as _, Result, ensure};
use steeple_tests::{Case, LIMIT, Place, Process, Terminal, eventually, free_port, run};

use crate::{
    fetch::{DISCOVERY, LACKING, fetch, possible},
    pki::Ca,
    provider,
};

pub(crate) fn cases() -> Vec<Case> {
    let there = |program: &str| run(Command::new(program).arg("-help")).is_ok();
    vec![
        Case::new("oidc_acme", acme)
            .needs(possible(), LACKING)
            .needs(
                there("pebble") && there("pebble-challtestsrv"),
                "pebble is not installed (Debian's package pebble)",
            ),
    ]
}

/// The service, with a name server that leads every name to this machine.
struct Pebble {
    _names: Process,
    _service: Process,
    directory: u16,
    management: u16,
}

impl Pebble {
    fn start(place: &Place, tls_port: u16) -> Result<Self> {
        let ca = Ca::new()?;
        place.write("pebble-ca.pem", ca.pem())?;
        ca.issue(place, "pebble", &["localhost", "127.0.0.1"])?;
        let [directory, management, names, control] =
            [free_port()?, free_port()?, free_port()?, free_port()?];
        let mut dns = Command::new("pebble-challtestsrv");
        dns.args(["-defaultIPv6", "", "-defaultIPv4", "127.0.0.1"]);
        dns.args(["-http01", "", "-https01", "", "-tlsalpn01", ""]);
        dns.args(["-management", &format!("127.0.0.1:{control}")]);
        dns.args(["-dns01", &format!("127.0.0.1:{names}")]);
        let log = place.path("names.log");
        let names_process = Process::start("names", dns, &log, Terminal::No)?;
        let dir = place.dir().display();
        let config = format!(
            r#"{{"pebble": {{
                "listenAddress": "127.0.0.1:{directory}",
                "managementListenAddress": "127.0.0.1:{management}",
                "certificate": "{dir}/pebble.pem", "privateKey": "{dir}/pebble.key",
                "httpPort": 1, "tlsPort": {tls_port},
                "ocspResponderURL": "", "externalAccountBindingRequired": false
            }}}}"#
        );
        let config = place.write("pebble.json", config)?;
        let mut service = Command::new("pebble");
        service.arg("-config").arg(config);
        service.args(["-dnsserver", &format!("127.0.0.1:{names}")]);
        service.env("PEBBLE_VA_NOSLEEP", "1");
        let log = place.path("pebble.log");
        let service = Process::start("pebble", service, &log, Terminal::No)?;
        service.wait_line(0, "ACME directory available")?;
        Ok(Self {
            _names: names_process,
            _service: service,
            directory,
            management,
        })
    }

    /// The root of the certificates that it makes.
    fn root(&self, place: &Place) -> Result<String> {
        let ca = place.path("pebble-ca.pem").display().to_string();
        let url = format!("https://127.0.0.1:{}/roots/0", self.management);
        Ok(fetch(&["--cacert", &ca, &url])?.body)
    }
}

fn acme(place: &Place) -> Result<()> {
    let port = free_port()?;
    let pebble = Pebble::start(place, port)?;
    place.write("root.pem", pebble.root(place)?)?;
    place.write("bundle.json", "{\"keys\":[]}")?;
    let (dir, directory) = (place.dir().display(), pebble.directory);
    let config = format!(
        "domains = [\"oidc.test\", \"other.test\"]\nfile {{ path = \"{dir}/bundle.json\" }}\n\
         acme {{\n  email = \"admin@oidc.test\"\n  tos_accepted = true\n  cache_dir = \"{dir}/cache\"\n\
         directory_url = \"https://localhost:{directory}/dir\"\n  addr = \"127.0.0.1:{port}\"\n}}\n"
    );
    let trust = place.path("pebble-ca.pem").display().to_string();
    let start = || {
        let trusted = [("SSL_CERT_FILE", trust.as_str())];
        provider::launch(place, "provider", provider::program()?, &config, &trusted)
    };
    let provider = start()?;
    provider.wait_line(0, "Serving HTTPS via ACME")?;
    provider.wait_lines(0, "ACME certificate obtained", 2)?;
    for name in ["oidc.test", "other.test"] {
        let answer = ask(place, name, port)?;
        ensure!(answer.starts_with("HTTP/2 200"), "{name}: {answer}");
    }
    ensure!(
        ask(place, "third.test", port).is_err(),
        "a name that is not ours"
    );
    ensure!(provider.terminate()?.code() == Some(0), "exit code");

    // Key before chain, as Go's autocert keeps them: the folders are exchangeable.
    let kept = fs::read_to_string(place.path("cache/oidc.test"))?;
    let first = kept.lines().next().context("an empty file")?;
    ensure!(first == "-----BEGIN PRIVATE KEY-----", "{first}");
    ensure!(
        kept.contains("-----BEGIN CERTIFICATE-----"),
        "no chain is kept"
    );
    ensure!(
        place.path("cache/acme_account+key").is_file(),
        "no account is kept"
    );

    // The kept certificates serve at once, and nothing is ordered.
    drop(pebble);
    let provider = start()?;
    provider.wait_line(0, "Serving HTTPS via ACME")?;
    eventually("the kept certificate", LIMIT, || {
        Ok(ask(place, "oidc.test", port).ok())
    })?;
    ensure!(provider.terminate()?.code() == Some(0), "exit code");
    Ok(())
}

/// The status of the discovery document.
fn ask(place: &Place, name: &str, port: u16) -> Result<String> {
    let root = place.path("root.pem").display().to_string();
    let leads = format!("{name}:{port}:127.0.0.1");
    let url = format!("https://{name}:{port}{DISCOVERY}");
    Ok(fetch(&["--cacert", &root, "--resolve", &leads, &url])?.status)
}
