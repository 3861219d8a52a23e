//! A server that a case runs.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
};

use anyhow::{Context, Result, anyhow};

use crate::{
    command::{Output, run},
    place::{Place, free_port},
    process::{Process, Terminal},
    programs::Programs,
    wait::{LIMIT, eventually},
};

/// How a server is set up: its folder, port and configuration. It outlives the process, so that
/// another program can take over the same files.
#[derive(Clone, Debug)]
pub struct ServerPlan {
    /// The folder with configuration, data, sockets and logs.
    pub dir: PathBuf,
    /// The TCP port on loopback.
    pub port: u16,
    /// The trust domain's name.
    pub trust_domain: String,
    /// More lines for the `server` block.
    pub settings: String,
    /// More blocks for the `plugins` block.
    pub plugins: String,
}

impl ServerPlan {
    /// A server in a folder of this name.
    ///
    /// # Errors
    ///
    /// When the folder cannot be made or no port is free.
    pub fn new(place: &Place, name: &str) -> Result<Self> {
        let dir = place.open_dir(name)?;
        fs::create_dir_all(dir.join("data"))?;
        Ok(Self {
            dir,
            port: free_port()?,
            trust_domain: "example.org".to_owned(),
            settings: String::new(),
            plugins: String::new(),
        })
    }

    /// The same plan with another line in the `server` block.
    #[must_use]
    pub fn setting(mut self, line: &str) -> Self {
        self.settings.push_str(&format!("    {line}\n"));
        self
    }

    /// The private socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.dir.join("private/api.sock")
    }

    /// The database file.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.dir.join("data/datastore.sqlite3")
    }

    /// The key file.
    #[must_use]
    pub fn keys(&self) -> PathBuf {
        self.dir.join("data/keys.json")
    }

    /// The configuration file's text.
    #[must_use]
    pub fn config(&self) -> String {
        let dir = self.dir.display();
        format!(
            r#"server {{
    bind_address = "127.0.0.1"
    bind_port = "{port}"
    socket_path = "{socket}"
    trust_domain = "{trust_domain}"
    data_dir = "{dir}/data"
    log_level = "DEBUG"
    ratelimit {{
        attestation = false
        signing = false
    }}
{settings}}}

plugins {{
    DataStore "sql" {{
        plugin_data {{
            database_type = "sqlite3"
            connection_string = "{database}"
        }}
    }}
    NodeAttestor "join_token" {{
        plugin_data {{}}
    }}
    KeyManager "disk" {{
        plugin_data {{
            keys_path = "{keys}"
        }}
    }}
{plugins}}}
"#,
            port = self.port,
            socket = self.socket().display(),
            trust_domain = self.trust_domain,
            settings = self.settings,
            database = self.database().display(),
            keys = self.keys().display(),
            plugins = self.plugins,
        )
    }

    /// Writes the configuration file and says where it is.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write_config(&self) -> Result<PathBuf> {
        let path = self.dir.join("server.conf");
        fs::write(&path, self.config())?;
        Ok(path)
    }

    /// The command that runs the server.
    ///
    /// # Errors
    ///
    /// When the configuration cannot be written.
    pub fn command(&self, programs: &Programs) -> Result<Command> {
        let mut command = Command::new(programs.server());
        command
            .arg("run")
            .arg("-config")
            .arg(self.write_config()?)
            .current_dir(&self.dir);
        Ok(command)
    }

    /// Starts the server without waiting for anything.
    ///
    /// # Errors
    ///
    /// When the program cannot be started.
    pub fn launch(&self, programs: &Programs) -> Result<Process> {
        let name = format!("{} server", programs.name);
        let log = self.dir.join("server.log");
        Process::start(&name, self.command(programs)?, &log, Terminal::No)
    }

    /// Starts the server and waits until it is ready.
    ///
    /// # Errors
    ///
    /// When it does not become ready.
    pub fn start(self, programs: &Programs) -> Result<Server> {
        let process = self.launch(programs)?;
        process.wait_lines(0, "Starting Server APIs", 2)?;
        let server = Server {
            plan: self,
            programs: programs.clone(),
            process,
        };
        eventually("a healthy server", LIMIT, || {
            let health = server.cli(&["healthcheck"])?;
            Ok((health.code == Some(0)).then_some(()))
        })?;
        Ok(server)
    }

    /// Runs a command of these programs against the server's private socket.
    ///
    /// # Errors
    ///
    /// When the program cannot be run.
    pub fn cli(&self, programs: &Programs, words: &[&str]) -> Result<Output> {
        let mut command = Command::new(programs.server());
        command.args(words).arg("-socketPath").arg(self.socket());
        run(&mut command)
    }
}

/// A running server. Dropping it kills it.
#[derive(Debug)]
pub struct Server {
    /// How it is set up.
    pub plan: ServerPlan,
    /// Whose program it is.
    pub programs: Programs,
    /// The process.
    pub process: Process,
}

impl Server {
    /// Runs a command of its own program against it.
    ///
    /// # Errors
    ///
    /// When the program cannot be run.
    pub fn cli(&self, words: &[&str]) -> Result<Output> {
        self.plan.cli(&self.programs, words)
    }

    /// Runs a command that must succeed and returns what it printed.
    ///
    /// # Errors
    ///
    /// When it fails.
    pub fn must(&self, words: &[&str]) -> Result<String> {
        self.cli(words)?.success().with_context(|| words.join(" "))
    }

    /// Runs a command that must succeed, asking for JSON.
    ///
    /// # Errors
    ///
    /// When it fails or prints no JSON.
    pub fn json(&self, words: &[&str]) -> Result<serde_json::Value> {
        let mut words = words.to_vec();
        words.extend(["-output", "json"]);
        let text = self.must(&words)?;
        serde_json::from_str(&text).with_context(|| format!("{words:?} printed {text:?}"))
    }

    /// A new join token, with the alias `spiffe://<trust domain>/node` for its agent.
    ///
    /// # Errors
    ///
    /// When the server gives none.
    pub fn token(&self) -> Result<String> {
        let alias = self.id("/node");
        let text = self.must(&["token", "generate", "-spiffeID", &alias])?;
        let token = text.lines().find_map(|line| line.strip_prefix("Token: "));
        token
            .map(str::to_owned)
            .ok_or_else(|| anyhow!("no token in {text:?}"))
    }

    /// Creates an entry below that alias and returns the entry's id.
    ///
    /// # Errors
    ///
    /// When the server refuses.
    pub fn entry(&self, path: &str, selector: &str, more: &[&str]) -> Result<String> {
        let (id, parent) = (self.id(path), self.id("/node"));
        let mut words = vec!["entry", "create", "-spiffeID", &id, "-parentID", &parent];
        words.extend(["-selector", selector]);
        words.extend(more);
        let created = self.json(&words)?;
        let id = created
            .pointer("/results/0/entry/id")
            .and_then(serde_json::Value::as_str);
        id.map(str::to_owned)
            .ok_or_else(|| anyhow!("no entry in {created}"))
    }

    /// A SPIFFE ID of the server's trust domain.
    #[must_use]
    pub fn id(&self, path: &str) -> String {
        format!("spiffe://{}{path}", self.plan.trust_domain)
    }

    /// The trust bundle, as PEM.
    ///
    /// # Errors
    ///
    /// When the server gives none.
    pub fn bundle(&self) -> Result<String> {
        self.must(&["bundle", "show"])
    }

    /// Writes the trust bundle to a file.
    ///
    /// # Errors
    ///
    /// When there is none, or it cannot be written.
    pub fn write_bundle(&self, path: &Path) -> Result<()> {
        fs::write(path, self.bundle()?)?;
        Ok(())
    }

    /// Ends the server in good order; its plan stays.
    ///
    /// # Errors
    ///
    /// When it does not end.
    pub fn stop(self) -> Result<(ServerPlan, ExitStatus)> {
        Ok((self.plan, self.process.terminate()?))
    }
}
