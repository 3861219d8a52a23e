//! `serve`: the metadata protocol, renewal, rotation, signals.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    thread,
};

use anyhow::{Context, Result, anyhow, ensure};
use nix::sys::signal::Signal;
use steeple_tests::{Case, LIMIT, Place, eventually};

use crate::{
    double::{Double, Reply},
    pki::{Files, Pki, now},
    program::{Serve, ask, failure, session},
};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new("metadata_protocol", metadata_protocol),
        Case::new("metadata_refusals", metadata_refusals),
        Case::new("container_protocol", container_protocol),
        Case::new("refused_at_start", refused_at_start),
        Case::new("one_request_for_many_readers", one_request_for_many_readers),
        Case::new("the_last_good_credentials_are_kept", last_good_are_kept),
        Case::new(
            "rotated_and_half_written_files",
            rotated_and_half_written_files,
        ),
        Case::new("signals", signals),
        Case::new("stopped_while_a_reader_waits", stopped_while_a_reader_waits),
    ]
}

struct Setting {
    pki: Pki,
    double: Double,
    files: Files,
    serial: String,
}

impl Setting {
    fn new(place: &Place) -> Result<Self> {
        let pki = Pki::new()?;
        let double = Double::start(pki.root_der())?;
        let leaf = pki.ec_leaf(1)?;
        let files = pki.write(place, &leaf)?;
        Ok(Self {
            pki,
            double,
            files,
            serial: leaf.serial,
        })
    }

    fn serve(&self, place: &Place, more: &[&str]) -> Result<Serve> {
        Serve::start(place, session("serve", &self.double, &self.files, more)?)
    }
}

const ROLES: &str = "/latest/meta-data/iam/security-credentials";

fn metadata_protocol(place: &Place) -> Result<()> {
    let setting = Setting::new(place)?;
    let serve = setting.serve(place, &[])?;
    let answer = serve.ask("PUT", "/latest/api/token/", &[])?;
    ensure!(
        answer.status == 200 && answer.body.len() == 100,
        "{answer:?}"
    );
    ensure!(
        answer.header("x-aws-ec2-metadata-token-ttl-seconds") == "21600",
        "{answer:?}"
    );
    let token = serve.token()?;
    let with = [("X-Aws-Ec2-Metadata-Token", token.as_str())];
    for path in ["", "/", "/unknown", "/unknown/below"] {
        let answer = serve.ask("GET", &format!("{ROLES}{path}"), &with)?;
        ensure!(
            (answer.status, answer.body.as_str()) == (200, "test"),
            "{answer:?}"
        );
    }
    // Clients that join an endpoint with a slash at its end.
    let answer = serve.ask("GET", &format!("/{ROLES}/"), &with)?;
    ensure!(answer.body == "test", "{answer:?}");
    for path in ["/test", "/test/"] {
        let answer = serve.ask("GET", &format!("{ROLES}{path}"), &with)?;
        ensure!(answer.status == 200, "{answer:?}");
        ensure!(
            answer.header("content-type") == "text/plain; charset=utf-8",
            "{answer:?}"
        );
        let ttl: i64 = answer
            .header("x-aws-ec2-metadata-token-ttl-seconds")
            .parse()?;
        ensure!((1..=300).contains(&ttl), "{ttl}");
        let start = format!(
            "{{\"AccessKeyId\":\"ASIA1\",\"SecretAccessKey\":\"secret/access+key\",\"Token\":\"token-for-{}\",\"Code\":\"Success\",\"Type\":\"AWS-HMAC\",\"Expiration\":\"",
            setting.serial
        );
        ensure!(
            answer.body.starts_with(&start) && answer.body.ends_with("Z\"}\n"),
            "{answer:?}"
        );
    }
    ensure!(setting.double.seen().len() == 1);
    // As the readiness probe of the published walk-through looks for it: IPv4 loopback.
    let table = fs::read_to_string("/proc/net/tcp")?;
    ensure!(
        table.contains(&format!("0100007F:{:04X} 00000000:0000 0A", serve.port)),
        "{table}"
    );
    Ok(())
}

fn metadata_refusals(place: &Place) -> Result<()> {
    let setting = Setting::new(place)?;
    let serve = setting.serve(place, &["--hop-limit", "1"])?;
    let token = serve.token()?;
    let token = token.as_str();
    const TTL: &str = "X-Aws-Ec2-Metadata-Token-Ttl-Seconds";
    const TOKEN: &str = "X-Aws-Ec2-Metadata-Token";
    for (method, path, headers, status, body) in [
        ("GET", "/latest/api/token", vec![], 405, ""),
        (
            "PUT",
            "/latest/api/token",
            vec![(TTL, "0")],
            400,
            "invalid token TTL",
        ),
        (
            "PUT",
            "/latest/api/token",
            vec![(TTL, "21601")],
            400,
            "invalid token TTL",
        ),
        (
            "PUT",
            "/latest/api/token",
            vec![(TTL, "x")],
            400,
            "invalid token TTL",
        ),
        (
            "PUT",
            "/latest/api/token",
            vec![("X-Forwarded-For", "10.0.0.1")],
            400,
            "unable to process requests with X-Forwarded-For header",
        ),
        ("GET", ROLES, vec![], 401, "no token provided"),
        (
            "GET",
            ROLES,
            vec![(TOKEN, "x")],
            401,
            "invalid token provided",
        ),
        ("POST", ROLES, vec![(TOKEN, token)], 405, ""),
        ("GET", "/", vec![], 404, "404 page not found\n"),
        (
            "GET",
            "/latest/meta-data/placement/region",
            vec![(TOKEN, token)],
            404,
            "404 page not found\n",
        ),
        (
            "GET",
            "/latest/meta-data/iam/security-credentials-extended/",
            vec![(TOKEN, token)],
            404,
            "404 page not found\n",
        ),
        ("GET", "/credentials", vec![], 404, "404 page not found\n"),
    ] {
        let answer = serve.ask(method, path, &headers)?;
        ensure!(
            (answer.status, answer.body.as_str()) == (status, body),
            "{path}: {answer:?}"
        );
    }
    // A token ends when it said it would.
    let short = serve.ask("PUT", "/latest/api/token", &[(TTL, "1")])?;
    let over = || Ok((serve.get(&short.body)?.status == 401).then_some(()));
    eventually("the end of the token", LIMIT, over)?;
    Ok(())
}

fn container_protocol(place: &Place) -> Result<()> {
    let setting = Setting::new(place)?;
    let file = place.path("token");
    let path = file.to_string_lossy();
    let serve = setting.serve(place, &["--container-token-file", &path])?;
    serve
        .process
        .wait_line(0, "AWS_CONTAINER_CREDENTIALS_FULL_URI")?;
    let token = fs::read_to_string(&file)?;
    let answer = serve.ask("GET", "/credentials", &[("Authorization", "wrong")])?;
    ensure!(answer.status == 401, "{answer:?}");
    let answer = serve.ask("GET", "/credentials", &[("Authorization", &token)])?;
    ensure!(
        answer.status == 200 && answer.body.contains("\"Expiration\":"),
        "{answer:?}"
    );
    Ok(())
}

fn refused_at_start(place: &Place) -> Result<()> {
    let setting = Setting::new(place)?;
    setting
        .double
        .script([Reply::Error(403, "AccessDeniedException", "Not you")]);
    let said = failure(&mut session(
        "serve",
        &setting.double,
        &setting.files,
        &["--port", "0"],
    )?)?;
    ensure!(
        said.contains("403 AccessDeniedException: Not you"),
        "{said}"
    );
    // A port that is taken costs no session.
    let taken = TcpListener::bind("127.0.0.1:0")?;
    let port = taken.local_addr()?.port().to_string();
    let more = ["--port", port.as_str()];
    let said = failure(&mut session(
        "serve",
        &setting.double,
        &setting.files,
        &more,
    )?)?;
    ensure!(
        said.contains("failed to create listener") && said.contains(&port),
        "{said}"
    );
    ensure!(setting.double.seen().len() == 1);
    Ok(())
}

fn one_request_for_many_readers(place: &Place) -> Result<()> {
    let setting = Setting::new(place)?;
    setting.double.lifetime(2);
    let serve = setting.serve(place, &[])?;
    let token = serve.token()?;
    // The renewal takes until the credentials are over, and longer.
    setting.double.script([Reply::Gate]);
    setting.double.wait(2)?;
    setting.double.lifetime(3600);
    let end = now() + 3;
    eventually("the end of the credentials", LIMIT, || {
        Ok((now() > end).then_some(()))
    })?;
    let readers: Vec<_> = (0..8)
        .map(|_| {
            let (port, token) = (serve.port, token.clone());
            let path = format!("{ROLES}/test");
            thread::spawn(move || ask(port, "GET", &path, &[("X-Aws-Ec2-Metadata-Token", &token)]))
        })
        .collect();
    setting.double.open();
    for reader in readers {
        let answer = reader.join().map_err(|_| anyhow!("a reader panicked"))??;
        ensure!(
            answer.status == 200 && answer.body.contains("ASIA2"),
            "{answer:?}"
        );
    }
    ensure!(
        setting.double.seen().len() == 2,
        "{:?}",
        setting.double.seen()
    );
    Ok(())
}

fn last_good_are_kept(place: &Place) -> Result<()> {
    let setting = Setting::new(place)?;
    setting.double.lifetime(10);
    let serve = setting.serve(place, &[])?;
    let token = serve.token()?;
    setting.double.script(vec![
        Reply::Error(403, "AccessDeniedException", "No more");
        100
    ]);
    let line = serve
        .process
        .wait_line(0, "serving the credentials at hand")?;
    ensure!(line.contains("AccessDeniedException: No more"), "{line}");
    let answer = serve.get(&token)?;
    ensure!(
        answer.status == 200 && answer.body.contains("ASIA1"),
        "{answer:?}"
    );
    // Once they are over: an error that says why, never a success with nothing.
    let over = || Ok(Some(serve.get(&token)?).filter(|answer| answer.status != 200));
    let answer = eventually("the end of the credentials", LIMIT, over)?;
    ensure!(
        answer.status == 500 && answer.body.contains("No more"),
        "{answer:?}"
    );
    // And back by itself.
    setting.double.clear();
    let back = || Ok(Some(serve.get(&token)?).filter(|answer| answer.status == 200));
    let answer = eventually("credentials again", LIMIT, back)?;
    ensure!(answer.body.contains("ASIA2"), "{answer:?}");
    Ok(())
}

fn rotated_and_half_written_files(place: &Place) -> Result<()> {
    let setting = Setting::new(place)?;
    let serve = setting.serve(place, &[])?;
    let reload = |count: usize| -> Result<String> {
        serve.process.signal(Signal::SIGUSR1)?;
        let seen = setting.double.wait(count)?;
        let proof = seen.last().context("no request")?.proof.clone();
        Ok(proof.map_err(anyhow::Error::msg)?.serial)
    };
    let second = setting.pki.ec_leaf(2)?;
    setting.pki.write(place, &second)?;
    ensure!(reload(2)? == second.serial);
    let renewed = || Ok((serve.credentials()?["AccessKeyId"] == "ASIA2").then_some(()));
    eventually("the renewed credentials", LIMIT, renewed)?;

    // Half a key, then a key of another certificate: what was good goes on.
    let key = fs::read_to_string(&setting.files.key)?;
    fs::write(&setting.files.key, &key[..key.len() / 2])?;
    ensure!(reload(3)? == second.serial);
    serve
        .process
        .wait_line(0, "using the certificate read before")?;
    let third = setting.pki.ec_leaf(3)?;
    let mark = serve.process.mark();
    fs::write(&setting.files.key, &third.key)?;
    ensure!(reload(4)? == second.serial);
    serve
        .process
        .wait_line(mark, "does not belong to the certificate")?;

    // A pair of another kind needs no restart either.
    let rsa = setting.pki.leaf_for(&rcgen::PKCS_RSA_SHA256)?;
    setting.pki.write(place, &rsa)?;
    ensure!(reload(5)? == rsa.serial);

    // A rotation between reading and signing: whatever the order, only pairs are used.
    for serial in 10..14 {
        let leaf = setting.pki.ec_leaf(serial)?;
        let count = setting.double.seen().len() + 1;
        fs::write(&setting.files.key, &leaf.key)?;
        serve.process.signal(Signal::SIGUSR1)?;
        fs::write(&setting.files.certificate, &leaf.certificate)?;
        setting.double.wait(count)?;
    }
    for seen in setting.double.seen() {
        ensure!(seen.proof.is_ok(), "{:?}", seen.proof);
    }
    Ok(())
}

fn signals(place: &Place) -> Result<()> {
    let setting = Setting::new(place)?;
    let mut serve = setting.serve(place, &[])?;
    let pid = serve.process.pid();
    for signal in [Signal::SIGUSR1, Signal::SIGUSR2] {
        serve.process.signal(signal)?;
    }
    setting.double.wait(2)?;
    let token = serve.token()?;
    ensure!(serve.process.pid() == pid && serve.get(&token)?.status == 200);

    // A request that hangs keeps neither readers from what is good nor the program from ending.
    setting.double.script([Reply::Hang]);
    let count = setting.double.seen().len();
    serve.process.signal(Signal::SIGUSR1)?;
    setting.double.wait(count + 1)?;
    ensure!(serve.get(&token)?.status == 200);
    serve.process.signal(Signal::SIGTERM)?;
    let ended = serve.process.wait_exit(LIMIT)?;
    ensure!(ended.code() == Some(0), "{ended}");
    Ok(())
}

fn stopped_while_a_reader_waits(place: &Place) -> Result<()> {
    let setting = Setting::new(place)?;
    setting.double.lifetime(1);
    let mut serve = setting.serve(place, &[])?;
    let token = serve.token()?;
    setting.double.script([Reply::Hang]);
    setting.double.wait(2)?;
    let end = now() + 2;
    eventually("the end of the credentials", LIMIT, || {
        Ok((now() > end).then_some(()))
    })?;
    // Sent before the next connection is made, so taken before its request is answered.
    let mut open = TcpStream::connect(("127.0.0.1", serve.port))?;
    let head = format!(
        "GET {ROLES}/test HTTP/1.1\r\nHost: x\r\nX-Aws-Ec2-Metadata-Token: {token}\r\n\r\n"
    );
    open.write_all(head.as_bytes())?;
    ensure!(serve.ask("GET", "/", &[])?.status == 404);
    serve.process.signal(Signal::SIGTERM)?;
    let mut answer = String::new();
    open.read_to_string(&mut answer)?;
    ensure!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
    ensure!(answer.ends_with("the program is ending"), "{answer}");
    let ended = serve.process.wait_exit(LIMIT)?;
    ensure!(ended.code() == Some(0), "{ended}");
    Ok(())
}
