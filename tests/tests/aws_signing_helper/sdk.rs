//! The real AWS CLI and boto3 as clients, with moto in place of AWS's services.

use std::{
    fs::File,
    net::TcpStream,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::Signal;
use serde_json::Value;
use steeple_tests::{Case, LIMIT, Place, Process, Terminal, eventually, free_port, run};

use crate::{
    double::Double,
    pki::{Files, Pki},
    program::{ANCHOR, PROFILE, ROLE, Serve, installed, program, session},
};

pub(crate) fn cases() -> Vec<Case> {
    let python = run(Command::new("python3").arg("--version")).is_ok();
    let needs = |case: Case| case.needs(python, "python3 is not installed");
    vec![
        needs(Case::new("aws_cli_and_boto3_from_serve", from_serve)),
        needs(Case::new(
            "aws_cli_and_boto3_from_credential_process",
            from_process,
        )),
    ]
}

/// Prints the credentials that boto3 finds, and where it found them; again for each line read.
const BOTO3: &str = "
import boto3, json
credentials = boto3.Session().get_credentials()
frozen = credentials.get_frozen_credentials()
print(json.dumps({'method': credentials.method, 'key': frozen.access_key, 'token': frozen.token}))
";

/// What the case starts besides the program.
struct Setting {
    double: Double,
    pki: Pki,
    files: Files,
    moto: u16,
    tools: PathBuf,
    _moto: Process,
}

impl Setting {
    fn new(place: &Place) -> Result<Self> {
        let tools = tools()?;
        let moto = free_port()?;
        let mut command = Command::new(tools.join("moto_server"));
        command.args(["-H", "127.0.0.1", "-p", &moto.to_string()]);
        let log = place.path("moto.log");
        let process = Process::start("moto", command, &log, Terminal::No)?;
        let up = || Ok(TcpStream::connect(("127.0.0.1", moto)).ok());
        eventually("moto", LIMIT, up)?;
        let pki = Pki::new()?;
        Ok(Self {
            double: Double::start(pki.root_der())?,
            files: pki.write(place, &pki.ec_leaf(1)?)?,
            pki,
            moto,
            tools,
            _moto: process,
        })
    }

    /// A tool with no AWS settings but a region.
    fn tool(&self, place: &Place, name: &str) -> Command {
        let mut command = Command::new(self.tools.join(name));
        for (variable, _) in std::env::vars_os() {
            if variable.to_string_lossy().starts_with("AWS_") {
                command.env_remove(variable);
            }
        }
        command.env("HOME", place.dir());
        command.env("AWS_DEFAULT_REGION", "us-east-1");
        command
    }

    fn whoami(&self, mut cli: Command) -> Result<()> {
        let url = format!("http://127.0.0.1:{}", self.moto);
        cli.args(["--endpoint-url", &url, "sts", "get-caller-identity"]);
        let shown: Value = serde_json::from_str(&run(&mut cli)?.success()?)?;
        ensure!(shown["Account"].is_string(), "{shown}");
        Ok(())
    }

    fn found(&self, mut python: Command) -> Result<Value> {
        let shown = run(python.args(["-c", BOTO3]))?.success()?;
        Ok(serde_json::from_str(&shown)?)
    }
}

fn from_serve(place: &Place) -> Result<()> {
    let setting = Setting::new(place)?;
    let command = session("serve", &setting.double, &setting.files, &[])?;
    let serve = Serve::start(place, command)?;
    let pid = serve.process.pid();
    for slash in ["", "/"] {
        let tool = |name: &str| {
            let mut command = setting.tool(place, name);
            let url = format!("http://127.0.0.1:{}{slash}", serve.port);
            command.env("AWS_EC2_METADATA_SERVICE_ENDPOINT", url);
            command
        };
        setting.whoami(tool("aws"))?;
        let found = setting.found(tool("python"))?;
        ensure!(
            found["method"] == "iam-role" && found["key"] == "ASIA1",
            "{found}"
        );
    }
    ensure!(setting.double.seen().len() == 1);
    // Rotations, as fast as they can be told apart; the same process all along.
    for serial in 2..12_u128 {
        let leaf = setting.pki.ec_leaf(serial)?;
        setting.pki.write(place, &leaf)?;
        serve.process.signal(Signal::SIGUSR1)?;
        let wanted = format!("token-for-{}", leaf.serial);
        let new = || Ok((serve.credentials()?["Token"] == wanted).then_some(()));
        eventually("the new certificate's session", LIMIT, new)?;
    }
    let mut python = setting.tool(place, "python");
    let url = format!("http://127.0.0.1:{}", serve.port);
    python.env("AWS_EC2_METADATA_SERVICE_ENDPOINT", url);
    let found = setting.found(python)?;
    ensure!(found["key"] == "ASIA11", "{found}");
    ensure!(serve.process.pid() == pid);
    Ok(())
}

fn from_process(place: &Place) -> Result<()> {
    let setting = Setting::new(place)?;
    let Files {
        certificate,
        key,
        intermediates,
    } = &setting.files;
    let path = |path: &Path| path.display().to_string();
    let line = format!(
        "{} credential-process --certificate {} --private-key {} --intermediates {} \
         --trust-anchor-arn {ANCHOR} --profile-arn {PROFILE} --role-arn {ROLE} --endpoint {}",
        path(&program()?),
        path(certificate),
        path(key),
        path(intermediates),
        setting.double.url(),
    );
    let config = format!("[default]\nregion = us-east-1\ncredential_process = {line}\n");
    place.write(".aws/config", config)?;
    setting.whoami(setting.tool(place, "aws"))?;
    let found = setting.found(setting.tool(place, "python"))?;
    ensure!(
        found["method"] == "custom-process" && found["key"] == "ASIA2",
        "{found}"
    );
    ensure!(setting.double.seen().iter().all(|seen| seen.proof.is_ok()));
    Ok(())
}

/// A virtual environment with the CLI, boto3 and moto; made once.
fn tools() -> Result<PathBuf> {
    let folder = installed("python-aws")?;
    let lock = File::create(folder.with_extension("lock"))?;
    let _lock = Flock::lock(lock, FlockArg::LockExclusive).map_err(|(_, error)| error)?;
    let bin = folder.join("bin");
    if !bin.join("moto_server").is_file() || !bin.join("aws").is_file() {
        let mut make = Command::new("python3");
        let made = make.args(["-m", "venv"]).arg(&folder).status()?;
        ensure!(made.success(), "making {}", folder.display());
        let mut pip = Command::new(bin.join("pip"));
        pip.args(["install", "--quiet", "awscli", "boto3", "moto[server]"]);
        let done = pip.status().context("running pip")?;
        ensure!(
            done.success(),
            "pip failed: is the package index within reach?"
        );
    }
    Ok(bin)
}
