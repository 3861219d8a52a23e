//! The provider as a process: socket, health, signals, changes of the source.

use std::{fs, os::unix::fs::PermissionsExt as _, os::unix::net::UnixListener};

use anyhow::{Result, ensure};
use nix::sys::signal::Signal;
use steeple_tests::{Case, LIMIT, Place, eventually, free_port};

use crate::{
    fetch::{self, DISCOVERY, LACKING, by_socket, fetch, possible},
    provider,
};

const KEY: &str = r#"{"use":"jwt-svid","kty":"EC","kid":"NAME","crv":"P-256",
    "x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}"#;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new("oidc_socket", socket).needs(possible(), LACKING),
        Case::new("oidc_health_and_stop", health_and_stop).needs(possible(), LACKING),
        Case::new("oidc_source_changes", source_changes).needs(possible(), LACKING),
    ]
}

/// A bundle with these keys.
fn write_bundle(place: &Place, kids: &[&str]) -> Result<()> {
    let keys: Vec<String> = kids.iter().map(|kid| KEY.replace("NAME", kid)).collect();
    let text = format!("{{\"keys\":[{}]}}", keys.join(","));
    fs::rename(place.write("new", text)?, place.path("bundle.json"))?;
    Ok(())
}

fn on_socket(place: &Place) -> String {
    format!(
        "domain = \"oidc.test\"\nlog_level = \"debug\"\nlisten_socket_path = \"{0}/oidc.sock\"\n\
         file {{\n  path = \"{0}/bundle.json\"\n  poll_interval = \"50ms\"\n}}\n",
        place.dir().display()
    )
}

fn socket(place: &Place) -> Result<()> {
    write_bundle(place, &["a"])?;
    let socket = place.path("oidc.sock");
    drop(UnixListener::bind(&socket)?);
    ensure!(socket.exists(), "an earlier run has left its socket");
    let provider = provider::start(place, "provider", &on_socket(place))?;
    provider.wait_line(0, "this is the old spelling; write domains")?;
    let mode = fs::metadata(&socket)?.permissions().mode() & 0o777;
    ensure!(mode == 0o777, "{mode:o}");
    ensure!(
        fetch::keys(&socket)?.body.contains("\"kid\": \"a\""),
        "no key"
    );

    let mut second = provider::launch(
        place,
        "second",
        provider::program()?,
        &on_socket(place),
        &[],
    )?;
    second.wait_line(0, "a running process answers on it")?;
    ensure!(!second.wait_exit(LIMIT)?.success(), "two on one socket");
    let [flag, path] = by_socket(&socket);
    let document = fetch(&[&flag, &path, &format!("http://oidc.test{DISCOVERY}")])?;
    ensure!(
        document.body.contains("\"issuer\": \"https://oidc.test\""),
        "{document:?}"
    );
    ensure!(provider.terminate()?.code() == Some(0), "exit code");
    ensure!(!socket.exists(), "the socket is left");
    Ok(())
}

fn health_and_stop(place: &Place) -> Result<()> {
    let port = free_port()?;
    let config = on_socket(place)
        + &format!("log_requests = true\nhealth_checks {{ bind_port = \"{port}\" }}\n");
    let provider = provider::start(place, "provider", &config)?;
    let ask = |path: &str| fetch(&[&format!("http://127.0.0.1:{port}{path}")]);
    let live = eventually("the health pages", LIMIT, || Ok(ask("/live").ok()))?;
    ensure!(
        live.status.contains(" 200 ") && live.body.is_empty(),
        "{live:?}"
    );
    provider.wait_line(0, "Failed to load SPIFFE trust bundle")?;
    ensure!(
        ask("/ready")?.status.contains(" 500 "),
        "ready without keys"
    );
    let [flag, path] = by_socket(&place.path("oidc.sock"));
    let early = fetch(&[&flag, &path, "http://oidc.test/keys"])?;
    ensure!(
        early.status.contains(" 500 ") && early.body == "document not available\n",
        "{early:?}"
    );
    provider.wait_line(
        0,
        "level=debug msg=\"Incoming request\" method=GET remote-addr=@ url=/keys user-agent=curl",
    )?;
    write_bundle(place, &["a"])?;
    eventually("readiness", LIMIT, || {
        Ok(ask("/ready")?.status.contains(" 200 ").then_some(()))
    })?;
    provider.signal(Signal::SIGUSR1)?;
    provider.signal(Signal::SIGUSR2)?;
    ensure!(
        ask("/live")?.status.contains(" 200 "),
        "signals without meaning end it"
    );
    ensure!(
        provider.terminate()?.code() == Some(0),
        "exit code after SIGTERM"
    );
    Ok(())
}

fn source_changes(place: &Place) -> Result<()> {
    write_bundle(place, &["a"])?;
    let socket = place.path("oidc.sock");
    let provider = provider::start(place, "provider", &on_socket(place))?;
    let first = fetch::keys(&socket)?;
    let [flag, path] = by_socket(&socket);
    let ask = |words: &[&str]| {
        let mut all = vec![flag.as_str(), &path];
        all.extend(words);
        all.push("http://oidc.test/keys");
        fetch(&all)
    };
    // A source that breaks changes nothing.
    let mark = provider.mark();
    place.write("bundle.json", "junk")?;
    provider.wait_line(mark, "Failed to load SPIFFE trust bundle")?;
    let same = |answer: &fetch::Answer| {
        let modified = "last-modified";
        answer.body == first.body && answer.headers[modified] == first.headers[modified]
    };
    ensure!(same(&ask(&[])?), "the keys went with the file");
    write_bundle(place, &["a"])?;
    ensure!(same(&ask(&[])?), "the same keys count as changed");
    let known = format!("If-Modified-Since: {}", first.headers["last-modified"]);
    let unchanged = ask(&["-H", &known])?;
    ensure!(
        unchanged.status.contains(" 304 ") && unchanged.body.is_empty(),
        "{unchanged:?}"
    );

    write_bundle(place, &["a", "b"])?;
    eventually("the second key", LIMIT, || {
        Ok(ask(&[])?.body.contains("\"kid\": \"b\"").then_some(()))
    })?;
    write_bundle(place, &[])?;
    let none = eventually("no keys", LIMIT, || {
        let answer = ask(&[])?;
        Ok(answer.status.contains(" 501 ").then_some(answer))
    })?;
    ensure!(
        none.body == "jwt not supported/enabled in this service\n",
        "{none:?}"
    );
    Ok(())
}
