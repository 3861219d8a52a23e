//! The bundle in a bucket: at the start, and again when it changes.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    process::Command,
};

use anyhow::{Context, Result, ensure};
use steeple_tests::{
    Case, LIMIT, Place, Process, Programs, ServerPlan, Terminal, eventually, free_port,
};

use crate::services::{Services, python_works};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new("aws_s3", aws_s3).needs(python_works(), "python3 with venv is not installed"),
        Case::new("aws_s3_away", aws_s3_away)
            .needs(python_works(), "python3 with venv is not installed"),
    ]
}

fn plan(place: &Place, port: u16, bucket: &str) -> Result<ServerPlan> {
    let mut plan = ServerPlan::new(place, "server")?;
    plan.plugins = format!(
        r#"    BundlePublisher "aws_s3" {{
        plugin_data {{
            region = "us-east-1"
            bucket = "{bucket}"
            object_key = "example.org/bundle.json"
            format = "spiffe"
            refresh_hint = "5m"
            endpoint = "http://127.0.0.1:{port}"
        }}
    }}
"#
    );
    Ok(plan)
}

fn start(plan: &ServerPlan, services: Option<&Services>) -> Result<Process> {
    let mut command = plan.command(&Programs::ours()?)?;
    match services {
        Some(services) => services.lead(&mut command),
        None => drop(command.envs([
            ("AWS_ACCESS_KEY_ID", "an-operator"),
            ("AWS_SECRET_ACCESS_KEY", "a-secret"),
        ])),
    }
    Process::start(
        "server",
        command,
        &plan.dir.join("server.log"),
        Terminal::No,
    )
}

fn aws_s3(place: &Place) -> Result<()> {
    let port = free_port()?;
    let services = Services::start(place, port, &[], |python| Command::new(python))?;
    let plan = plan(place, port, "bundles")?;
    let server = start(&plan, Some(&services))?;
    server.wait_line(0, "Bundle published")?;
    let shown = || -> Result<serde_json::Value> {
        let words = ["bundle", "show", "-format", "spiffe"];
        let text = plan.cli(&Programs::ours()?, &words)?.success()?;
        Ok(serde_json::from_str(&text)?)
    };
    let object = eventually("the bundle of now in the bucket", LIMIT, || {
        let object = object(port)?;
        let shown = shown()?;
        Ok((object["keys"] == shown["keys"]).then_some(object))
    })?;
    ensure!(object["spiffe_refresh_hint"] == 300, "{object}");
    ensure!(
        object["keys"]
            .as_array()
            .is_some_and(|keys| keys.len() == 2),
        "an X.509 and a JWT authority: {object}"
    );
    for call in services.calls()? {
        let expected = [
            "GET /credentials",
            "PUT /bundles/example.org/bundle.json",
            "GET /bundles/example.org/bundle.json", // ours
        ];
        ensure!(expected.contains(&call.line.as_str()), "{call:?}");
    }
    ensure!(
        server.terminate()?.success(),
        "the server did not stop well"
    );
    Ok(())
}

/// A bucket that cannot be reached stops nothing, and gets the bundle when it is back.
fn aws_s3_away(place: &Place) -> Result<()> {
    let port = free_port()?;
    let plan = plan(place, port, "bundles")?;
    let server = start(&plan, None)?;
    server.wait_lines(0, "Starting Server APIs", 2)?;
    let line = server.wait_line(0, "Failed to publish bundle")?;
    for part in [
        "BundlePublisher=aws_s3",
        "subsystem_name=bundle_publishing",
        "failed to put object example.org/bundle.json into bucket bundles",
    ] {
        ensure!(line.contains(part), "{part} is not in {line}");
    }
    let _services = Services::start(place, port, &[], |python| Command::new(python))?;
    server.wait_line(0, "Bundle published")?;
    object(port)?;
    Ok(())
}

/// What lies in the bucket.
fn object(port: u16) -> Result<serde_json::Value> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    let request =
        format!("GET /bundles/example.org/bundle.json HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (_, body) = answer.split_once("\r\n\r\n").context("no HTTP answer")?;
    serde_json::from_str(body).with_context(|| format!("the bucket answers {answer}"))
}
