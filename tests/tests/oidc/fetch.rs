//! Requests, by curl.

use std::{collections::BTreeMap, path::Path, process::Command};

use anyhow::{Context, Result};
use steeple_tests::{LIMIT, eventually, run};

/// Where the discovery document is.
pub(crate) const DISCOVERY: &str = "/.well-known/openid-configuration";

/// Whether requests can be made here.
pub(crate) fn possible() -> bool {
    run(Command::new("curl").arg("--version")).is_ok()
}

/// Why not, if not.
pub(crate) const LACKING: &str = "curl is not installed";

/// An answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: String,
    /// By lower-case name.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

/// Makes a request with curl's own words.
pub(crate) fn fetch(words: &[&str]) -> Result<Answer> {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--include", "--max-time", "20"]);
    let text = run(command.args(words))?
        .success()
        .with_context(|| format!("curl {words:?}"))?;
    let (head, body) = text.split_once("\r\n\r\n").context("no end of the head")?;
    let mut lines = head.lines();
    let status = lines.next().unwrap_or_default().trim();
    let headers = lines.filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_lowercase(), value.trim().to_owned()))
    });
    Ok(Answer {
        status: status.to_owned(),
        headers: headers.collect(),
        body: body.to_owned(),
    })
}

/// The words for a Unix socket.
pub(crate) fn by_socket(socket: &Path) -> [String; 2] {
    ["--unix-socket".to_owned(), socket.display().to_string()]
}

/// Fetches the keys over a Unix socket as soon as there are any.
pub(crate) fn keys(socket: &Path) -> Result<Answer> {
    let [flag, socket] = by_socket(socket);
    eventually("keys", LIMIT, || {
        let answer = fetch(&[&flag, &socket, "http://oidc.test/keys"])?;
        Ok(answer.status.contains(" 200 ").then_some(answer))
    })
}
