//! An agent that a case runs.

use std::{
    fs,
    path::PathBuf,
    process::{Command, ExitStatus},
};

use anyhow::{Context, Result};
use nix::unistd::geteuid;

use crate::{
    command::{Output, run},
    place::Place,
    process::{Process, Terminal},
    programs::Programs,
    server::Server,
    wait::{LIMIT, eventually},
};

/// How an agent is set up; it outlives the process.
#[derive(Clone, Debug)]
pub struct AgentPlan {
    /// The folder with configuration, data, sockets and logs.
    pub dir: PathBuf,
    /// The server's port on loopback.
    pub server_port: u16,
    /// The trust domain's name.
    pub trust_domain: String,
    /// More lines for the `agent` block.
    pub settings: String,
}

impl AgentPlan {
    /// An agent of this server, in a folder of this name, which trusts the server's bundle.
    ///
    /// # Errors
    ///
    /// When the folder cannot be made or the server gives no bundle.
    pub fn new(place: &Place, name: &str, server: &Server) -> Result<Self> {
        let dir = place.open_dir(name)?;
        // Made here, so that workloads of other uids may enter whatever the agent's umask is.
        place.open_dir(&format!("{name}/public"))?;
        server.write_bundle(&dir.join("bundle.pem"))?;
        Ok(Self {
            dir,
            server_port: server.plan.port,
            trust_domain: server.plan.trust_domain.clone(),
            settings: String::new(),
        })
    }

    /// The same plan with another line in the `agent` block.
    #[must_use]
    pub fn setting(mut self, line: &str) -> Self {
        self.settings.push_str(&format!("    {line}\n"));
        self
    }

    /// The Workload API's socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.dir.join("public/api.sock")
    }

    /// The socket as the clients' `SPIFFE_ENDPOINT_SOCKET` wants it.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// The configuration file's text.
    #[must_use]
    pub fn config(&self) -> String {
        format!(
            r#"agent {{
    data_dir = "{dir}/data"
    log_level = "DEBUG"
    server_address = "127.0.0.1"
    server_port = "{port}"
    socket_path = "{socket}"
    trust_bundle_path = "{dir}/bundle.pem"
    trust_domain = "{trust_domain}"
{settings}}}

plugins {{
    NodeAttestor "join_token" {{
        plugin_data {{}}
    }}
    KeyManager "disk" {{
        plugin_data {{
            directory = "{dir}/data"
        }}
    }}
    WorkloadAttestor "unix" {{
        plugin_data {{}}
    }}
}}
"#,
            dir = self.dir.display(),
            port = self.server_port,
            socket = self.socket().display(),
            trust_domain = self.trust_domain,
            settings = self.settings,
        )
    }

    /// Starts the agent without waiting for anything.
    ///
    /// # Errors
    ///
    /// When the program cannot be started.
    pub fn launch(&self, programs: &Programs, words: &[&str]) -> Result<Process> {
        fs::create_dir_all(self.dir.join("data"))?;
        let path = self.dir.join("agent.conf");
        fs::write(&path, self.config())?;
        let mut command = Command::new(programs.agent());
        command
            .arg("run")
            .arg("-config")
            .arg(path)
            .args(words)
            .current_dir(&self.dir);
        let name = format!("{} agent", programs.name);
        Process::start(&name, command, &self.dir.join("agent.log"), Terminal::No)
    }

    /// Starts the agent and waits until it serves the Workload API.
    ///
    /// # Errors
    ///
    /// When it does not.
    pub fn start(self, programs: &Programs, words: &[&str]) -> Result<Agent> {
        let process = self.launch(programs, words)?;
        process.wait_line(0, "Starting agent APIs")?;
        Ok(Agent {
            plan: self,
            programs: programs.clone(),
            process,
        })
    }

    /// Attests a new agent with a join token of the server.
    ///
    /// # Errors
    ///
    /// When it does not get as far as serving the Workload API.
    pub fn attest(self, programs: &Programs, server: &Server) -> Result<Agent> {
        let token = server.token()?;
        self.start(programs, &["-joinToken", &token])
    }

    /// Runs a command of these programs against the agent's public socket.
    ///
    /// # Errors
    ///
    /// When the program cannot be run.
    pub fn cli(&self, programs: &Programs, words: &[&str]) -> Result<Output> {
        let mut command = Command::new(programs.agent());
        command.args(words).arg("-socketPath").arg(self.socket());
        run(&mut command)
    }
}

/// A running agent. Dropping it kills it.
#[derive(Debug)]
pub struct Agent {
    /// How it is set up.
    pub plan: AgentPlan,
    /// Whose program it is.
    pub programs: Programs,
    /// The process.
    pub process: Process,
}

impl Agent {
    /// The selector of what this test starts without changing its uid.
    #[must_use]
    pub fn own_selector() -> String {
        format!("unix:uid:{}", geteuid())
    }

    /// Runs a command of its own program against it.
    ///
    /// # Errors
    ///
    /// When the program cannot be run.
    pub fn cli(&self, words: &[&str]) -> Result<Output> {
        self.plan.cli(&self.programs, words)
    }

    /// Waits until this process' SVIDs are exactly those with these SPIFFE IDs; none means that
    /// the agent refuses. Returns the last answer.
    ///
    /// # Errors
    ///
    /// When that does not come about.
    pub fn wait_svids(&self, ids: &[&str]) -> Result<serde_json::Value> {
        let mut wanted: Vec<_> = ids.iter().map(|id| (*id).to_owned()).collect();
        wanted.sort();
        let mut last = String::new();
        eventually("these SVIDs", LIMIT, || {
            let output = self.cli(&["api", "fetch", "x509", "-output", "json"])?;
            last = output.stdout.clone() + &output.stderr;
            let value: serde_json::Value = match (output.code, wanted.is_empty()) {
                (Some(0), _) => serde_json::from_str(&output.stdout)?,
                (_, true) if last.contains("no identity issued") => serde_json::Value::Null,
                _ => return Ok(None),
            };
            Ok((spiffe_ids(&value) == wanted).then_some(value))
        })
        .with_context(|| {
            format!(
                "{ids:?} from {} agent; last answer {last}",
                self.programs.name
            )
        })
    }

    /// Ends the agent in good order; its plan stays.
    ///
    /// # Errors
    ///
    /// When it does not end.
    pub fn stop(self) -> Result<(AgentPlan, ExitStatus)> {
        Ok((self.plan, self.process.terminate()?))
    }
}

/// The SPIFFE IDs of a printed X509SVIDResponse, sorted.
fn spiffe_ids(response: &serde_json::Value) -> Vec<String> {
    let svids = response["svids"].as_array().into_iter().flatten();
    let mut ids: Vec<_> = svids
        .filter_map(|svid| svid["spiffe_id"].as_str())
        .map(str::to_owned)
        .collect();
    ids.sort();
    ids
}
