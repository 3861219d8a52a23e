//! The program under test, and how it is called.

use std::{
    io::{Read, Write},
    net::TcpStream,
    path::PathBuf,
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use steeple_tests::{Output, Place, Process, Terminal, run, target_dir};

use crate::{double::Double, pki::Files};

/// The ARNs of the published walk-through.
pub(crate) const ROLE: &str = "arn:aws:iam::012345678901:role/test";
pub(crate) const PROFILE: &str =
    "arn:aws:rolesanywhere:us-east-1:012345678901:profile/737869f1-ffd0-4674-ac2b-f3d6895b4499";
pub(crate) const ANCHOR: &str = "arn:aws:rolesanywhere:us-east-1:012345678901:trust-anchor/9f455be1-f25f-495b-9e99-f6a630d62cbb";

/// The program's path: ours, or the one that the environment names.
///
/// # Errors
/// When it is not built.
pub(crate) fn program() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("STEEPLE_AWS_SIGNING_HELPER") {
        return Ok(path.into());
    }
    let folder = match std::env::var_os("STEEPLE_BIN") {
        Some(folder) => PathBuf::from(folder),
        None => {
            let test = std::env::current_exe()?;
            let profile = test.parent().and_then(|deps| deps.parent());
            profile.context("not in a target folder")?.to_path_buf()
        }
    };
    let path = folder.join("aws_signing_helper");
    ensure!(path.is_file(), "{} is not built", path.display());
    Ok(path)
}

/// The program with these words, and nothing of AWS in its environment.
pub(crate) fn command(words: &[&str]) -> Result<Command> {
    let mut command = Command::new(program()?);
    command.args(words);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("AWS_") || text.to_ascii_lowercase().ends_with("_proxy") {
            command.env_remove(&name);
        }
    }
    Ok(command)
}

/// A credential command for the double, with these files, as the walk-through calls it.
pub(crate) fn session(
    name: &str,
    double: &Double,
    files: &Files,
    more: &[&str],
) -> Result<Command> {
    let mut command = bare_session(name, double, more)?;
    command.arg("--certificate").arg(&files.certificate);
    command.arg("--private-key").arg(&files.key);
    command.arg("--intermediates").arg(&files.intermediates);
    Ok(command)
}

/// The same without files.
pub(crate) fn bare_session(name: &str, double: &Double, more: &[&str]) -> Result<Command> {
    let mut command = command(&[name])?;
    command.args(["--trust-anchor-arn", ANCHOR, "--profile-arn", PROFILE]);
    command.args(["--role-arn", ROLE, "--endpoint", &double.url()]);
    command.args(more);
    Ok(command)
}

/// What `credential-process` printed.
pub(crate) fn credentials(command: &mut Command) -> Result<Value> {
    let printed = run(command)?.success()?;
    serde_json::from_str(&printed).with_context(|| format!("it printed {printed:?}"))
}

/// Runs a command that must fail with 1, and print nothing; what it says.
pub(crate) fn failure(command: &mut Command) -> Result<String> {
    let Output {
        code,
        stdout,
        stderr,
    } = run(command)?;
    ensure!(
        code == Some(1) && stdout.is_empty(),
        "{code:?} {stdout:?} {stderr:?}"
    );
    Ok(stderr)
}

/// A running `serve`.
pub(crate) struct Serve {
    pub(crate) process: Process,
    pub(crate) port: u16,
}

impl Serve {
    /// Starts it and waits for its lines.
    pub(crate) fn start(place: &Place, mut command: Command) -> Result<Self> {
        command.args(["--port", "0"]);
        let log = place.path("serve.log");
        let process = Process::start("serve", command, &log, Terminal::No)?;
        let line = process.wait_line(0, "Local server started on port: ")?;
        process.wait_line(0, "export AWS_EC2_METADATA_SERVICE_ENDPOINT=")?;
        let port = line.rsplit(' ').next().context("no port")?.parse()?;
        Ok(Self { process, port })
    }

    /// A request.
    pub(crate) fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Result<Answer> {
        ask(self.port, method, path, headers)
    }

    /// A session token.
    pub(crate) fn token(&self) -> Result<String> {
        let ttl = [("X-aws-ec2-metadata-token-ttl-seconds", "300")];
        let answer = self.ask("PUT", "/latest/api/token", &ttl)?;
        ensure!(answer.status == 200, "{answer:?}");
        Ok(answer.body)
    }

    /// What it answers a client that wants credentials.
    pub(crate) fn get(&self, token: &str) -> Result<Answer> {
        let path = "/latest/meta-data/iam/security-credentials/test";
        self.ask("GET", path, &[("X-aws-ec2-metadata-token", token)])
    }

    /// The credentials.
    pub(crate) fn credentials(&self) -> Result<Value> {
        let answer = self.get(&self.token()?)?;
        if answer.status != 200 {
            bail!("{answer:?}");
        }
        Ok(serde_json::from_str(&answer.body)?)
    }
}

/// An HTTP answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    /// A header's value; empty if it is not there.
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value)
    }
}

/// One request on a connection of its own.
pub(crate) fn ask(port: u16, method: &str, path: &str, headers: &[(&str, &str)]) -> Result<Answer> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    let lines: String = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{lines}Connection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes())?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let (head, body) = text.split_once("\r\n\r\n").context("no end of the head")?;
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    let headers = lines.filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_ascii_lowercase(), value.trim().to_owned()))
    });
    Ok(Answer {
        status: status.context("no status")?.parse()?,
        headers: headers.collect(),
        body: body.to_owned(),
    })
}

/// The folder for what tests install.
pub(crate) fn installed(name: &str) -> Result<PathBuf> {
    Ok(target_dir()?.join(name))
}
