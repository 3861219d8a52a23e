//! A server, an agent, and what a case asks of the files.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};
use steeple_spiffe::{
    key::same_public_key,
    pem::{certificates_from_pem, private_key_from_pem},
    x509::CertificateInfo,
};
use steeple_tests::{
    Agent, AgentPlan, Output, Place, Process, Programs, Server, ServerPlan, Terminal, run,
};

/// A server and an agent that this test's own uid may ask.
pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) agent: Agent,
}

impl World {
    /// Both, with one entry for `/workload`, made with these words.
    pub(crate) fn new(place: &Place, entry: &[&str]) -> Result<Self> {
        let programs = Programs::ours()?;
        let server = ServerPlan::new(place, "server")?.start(&programs)?;
        server.entry("/workload", &Agent::own_selector(), entry)?;
        let agent = AgentPlan::new(place, "agent", &server)?
            .setting("experimental { sync_interval = \"1s\" }")
            .attest(&programs, &server)?;
        let world = Self { server, agent };
        world.agent.wait_svids(&[&world.server.id("/workload")])?;
        Ok(world)
    }

    /// The first lines of a configuration: the agent, a folder, the three files.
    pub(crate) fn config(&self, folder: &Path) -> String {
        format!(
            "agent_address = \"{}\"\ncert_dir = \"{}\"\nsvid_file_name = \"svid.pem\"\n\
             svid_key_file_name = \"key.pem\"\nsvid_bundle_file_name = \"bundle.pem\"\n",
            self.agent.plan.endpoint(),
            folder.display()
        )
    }
}

/// The program under test, beside our server.
pub(crate) fn helper() -> Result<PathBuf> {
    let path = Programs::ours()?.server().with_file_name("spiffe-helper");
    ensure!(path.is_file(), "{} is not built", path.display());
    Ok(path)
}

/// The stock program, if the environment says where it is.
pub(crate) fn stock() -> Option<PathBuf> {
    let path = Programs::stock()?.server().with_file_name("spiffe-helper");
    path.is_file().then_some(path)
}

/// Starts it with this configuration.
pub(crate) fn start(place: &Place, config: &str) -> Result<Process> {
    let config = place.write("helper.conf", config)?;
    let mut command = Command::new(helper()?);
    command.arg("-config").arg(config).current_dir(place.dir());
    Process::start(
        "spiffe-helper",
        command,
        &place.path("helper.log"),
        Terminal::No,
    )
}

/// Runs a program to its end with this configuration and `-daemon-mode=false`.
pub(crate) fn once(program: &Path, place: &Place, config: &str) -> Result<Output> {
    let config = place.write("once.conf", config)?;
    let mut command = Command::new(program);
    command.arg("-config").arg(config).arg("-daemon-mode=false");
    run(command.current_dir(place.dir()))
}

/// The three files, read together, and checked to belong together.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Trio {
    pub(crate) key: String,
    pub(crate) svid: String,
    pub(crate) bundle: String,
}

impl Trio {
    /// What lies in the folder; none if the key changed while the others were read.
    pub(crate) fn read(folder: &Path) -> Result<Option<Self>> {
        let read = |name: &str| {
            let path = folder.join(name);
            fs::read_to_string(&path).with_context(|| path.display().to_string())
        };
        let trio = Self {
            key: read("key.pem")?,
            svid: read("svid.pem")?,
            bundle: read("bundle.pem")?,
        };
        Ok((read("key.pem")? == trio.key).then_some(trio))
    }

    /// The leaf, if the key is its own and both files are whole.
    pub(crate) fn check(&self) -> Result<CertificateInfo> {
        let chain = certificates_from_pem(self.svid.as_bytes()).context("svid.pem")?;
        let leaf = CertificateInfo::parse(&chain[0])?;
        let key = private_key_from_pem(self.key.as_bytes()).context("key.pem")?;
        if !same_public_key(&leaf.public_key, key.public_key_der()) {
            bail!("key.pem does not belong to svid.pem");
        }
        certificates_from_pem(self.bundle.as_bytes()).context("bundle.pem")?;
        Ok(leaf)
    }
}

/// A file's mode, links followed.
pub(crate) fn mode(path: &Path) -> Result<u32> {
    Ok(fs::metadata(path)?.permissions().mode() & 0o777)
}

/// The names in a folder.
pub(crate) fn names(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}
