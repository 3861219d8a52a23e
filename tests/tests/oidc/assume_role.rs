//! From entry to AWS role: a JWT-SVID is exchanged by AWS' own SDK at a stand-in for STS, which
//! fetches the provider's documents over TLS.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use steeple_tests::{
    Agent, AgentPlan, Case, Place, Process, Programs, ServerPlan, Terminal, free_port, project_dir,
    run,
};

use crate::{pki::Ca, provider};

const ROLE: &str = "arn:aws:iam::123456789012:role/spire-s3-test";

pub(crate) fn cases() -> Vec<Case> {
    let python = run(Command::new("python3").args(["-c", "import venv"]));
    let present = python.is_ok_and(|output| output.code == Some(0));
    vec![
        Case::new("oidc_assume_role_rsa", |place| {
            assume_role(place, "rsa-2048")
        })
        .needs(present, "python3 with venv is not installed"),
        Case::new("oidc_assume_role_ec", |place| assume_role(place, "ec-p256"))
            .needs(present, "python3 with venv is not installed"),
    ]
}

fn assume_role(place: &Place, key_type: &str) -> Result<()> {
    let python = python()?;
    let port = free_port()?;
    let issuer = format!("https://localhost:{port}");
    let ours = Programs::ours()?;
    let server = ServerPlan::new(place, "server")?
        .setting(&format!("ca_key_type = \"{key_type}\""))
        .setting(&format!("jwt_issuer = \"{issuer}\""))
        .start(&ours)?;
    let agent = AgentPlan::new(place, "agent", &server)?.attest(&ours, &server)?;
    server.entry("/s3-test", &Agent::own_selector(), &[])?;
    let id = server.id("/s3-test");
    agent.wait_svids(&[&id])?;

    let ca = Ca::new()?;
    let root = place.write("ca.pem", ca.pem())?;
    ca.issue(place, "tls", &["localhost"])?;
    let provider = provider::start(place, "provider", &config(place, port, &agent))?;
    let token = |audience: &str| -> Result<PathBuf> {
        let words = [
            "api",
            "fetch",
            "jwt",
            "-audience",
            audience,
            "-output",
            "json",
        ];
        let answer: Value = serde_json::from_str(&agent.cli(&words)?.success()?)?;
        let token = answer.pointer("/0/svids/0/svid").and_then(Value::as_str);
        place.write(&format!("{audience}.jwt"), token.context("no token")?)
    };
    let sts = |client_id: &str, subject: &str| {
        Sts::start(place, &python, [&issuer, client_id, subject, ROLE], &root)
    };

    // The keys may come a moment after the provider listens.
    provider.wait_line(0, "Polling started")?;
    let good = token("spire")?;
    let right = sts("spire", &id)?;
    let assumed = steeple_tests::eventually("the role", steeple_tests::LIMIT, || {
        let answer = right.assume(&good)?;
        Ok(answer["error"].is_null().then_some(answer))
    })?;
    ensure!(assumed["arn"] == format!("{ROLE}/spire"), "{assumed}");
    ensure!(
        assumed["subject"] == id && assumed["key"] == "ASIATEST",
        "{assumed}"
    );

    let refused = |answer: Value, error: &str| -> Result<()> {
        ensure!(answer["error"] == error, "{answer}");
        Ok(())
    };
    refused(right.assume(&token("other")?)?, "InvalidIdentityToken")?;
    refused(
        sts("spire", &server.id("/other"))?.assume(&good)?,
        "AccessDenied",
    )?;
    let text = std::fs::read_to_string(&good)?;
    let (rest, _) = text.rsplit_once('.').context("no signature")?;
    let forged = place.write("forged.jwt", format!("{rest}.{}", "A".repeat(86)))?;
    refused(right.assume(&forged)?, "InvalidIdentityToken")?;
    ensure!(provider.terminate()?.code() == Some(0), "exit code");
    refused(right.assume(&good)?, "IDPCommunicationError")
}

fn config(place: &Place, port: u16, agent: &Agent) -> String {
    format!(
        r#"domains = ["localhost"]
log_level = "debug"
serving_cert_file {{
  cert_file_path = "{dir}/tls.pem"
  key_file_path = "{dir}/tls.key"
  addr = "127.0.0.1:{port}"
}}
workload_api {{
  socket_path = "{socket}"
  trust_domain = "example.org"
}}
"#,
        dir = place.dir().display(),
        socket = agent.plan.socket().display(),
    )
}

/// The stand-in.
struct Sts<'p> {
    python: &'p Path,
    url: String,
    _process: Process,
}

impl<'p> Sts<'p> {
    fn start(place: &Place, python: &'p Path, words: [&str; 4], root: &Path) -> Result<Self> {
        let mut command = Command::new(python);
        command.arg(script("sts.py")).args(words).arg(root);
        let process = Process::start("STS", command, &place.path("sts.log"), Terminal::No)?;
        let url = process.wait_line(0, "http://")?;
        Ok(Self {
            python,
            url,
            _process: process,
        })
    }

    /// What the SDK gets for the token.
    fn assume(&self, token: &Path) -> Result<Value> {
        let mut command = Command::new(self.python);
        command.arg(script("assume.py")).args([&self.url, ROLE]);
        let text = run(command.arg(token))?.success()?;
        serde_json::from_str(&text).with_context(|| text)
    }
}

fn script(name: &str) -> PathBuf {
    project_dir().join("interop/aws-sts").join(name)
}

/// Python with the SDK and a library for tokens, in a folder of its own.
fn python() -> Result<PathBuf> {
    steeple_tests::python("aws-sts", &script("requirements.txt"))
}
