//! AWS's stand-ins, and how a program is led to them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use serde::Deserialize;
use steeple_tests::{Place, Process, Terminal, project_dir, python, run};

/// What the services were asked.
#[derive(Debug, Deserialize)]
pub(crate) struct Call {
    /// Method and path.
    pub(crate) line: String,
    /// `X-Amz-Target`.
    pub(crate) target: String,
    pub(crate) authorization: String,
    /// The session token of temporary credentials.
    pub(crate) session: String,
    pub(crate) body: String,
}

/// The services, running. They end with this.
pub(crate) struct Services {
    /// The ARNs of the secrets.
    pub(crate) secrets: Vec<String>,
    port: u16,
    log: PathBuf,
    _process: Process,
}

/// Python to run them with.
pub(crate) fn python_works() -> bool {
    let mut probe = Command::new("python3");
    let probe = run(probe.args(["-c", "import ensurepip, venv"]));
    probe.is_ok_and(|output| output.code == Some(0))
}

impl Services {
    /// Starts them with a command that `wrap` makes for Python, and keeps these files as secrets.
    pub(crate) fn start(
        place: &Place,
        port: u16,
        files: &[&Path],
        wrap: impl FnOnce(&str) -> Command,
    ) -> Result<Self> {
        let python = python("moto", &here().join("requirements.txt"))?;
        let log = place.path("calls.jsonl");
        let mut command = wrap(&python.to_string_lossy());
        command
            .arg(here().join("services.py"))
            .arg(port.to_string())
            .arg(&log)
            .args(files)
            .env("PYTHONDONTWRITEBYTECODE", "1");
        let file = place.path("services.log");
        let process = Process::start("services", command, &file, Terminal::No)?;
        process.wait_line(0, "ready")?;
        let lines = process.lines().into_iter();
        let secrets = lines.filter(|line| line.starts_with("arn:")).collect();
        Ok(Self {
            secrets,
            port,
            log,
            _process: process,
        })
    }

    /// Leads a program here: the endpoint by the SDKs' own variable, the credentials as a
    /// container on Amazon ECS gets them. Nothing else of this machine's AWS set-up counts.
    pub(crate) fn lead(&self, command: &mut Command) {
        let url = format!("http://127.0.0.1:{}", self.port);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("AWS_") {
                command.env_remove(name);
            }
        }
        command
            .env(
                "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                format!("{url}/credentials"),
            )
            .env("AWS_ENDPOINT_URL", url)
            .env("AWS_CONFIG_FILE", "/nonexistent")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent");
    }

    /// Every call so far.
    pub(crate) fn calls(&self) -> Result<Vec<Call>> {
        let text = fs::read_to_string(&self.log).context("the services' log")?;
        text.lines()
            .map(|line| serde_json::from_str(line).context("a line of the services' log"))
            .collect()
    }
}

fn here() -> PathBuf {
    project_dir().join("tests/tests/aws_plugins")
}
