//! A server and an agent that are started for the measurements.

use std::{
    fs::{self, File},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use steeple_proto::{
    server::bundle::{GetBundleRequest, bundle_client::BundleClient},
    types::{Entry, Selector, Spiffeid},
};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::client;

/// The trust domain of every measurement.
pub(crate) const TRUST_DOMAIN: &str = "bench.test";

/// Nothing that is waited for may take longer.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// The programs to measure.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    pub(crate) server: PathBuf,
    pub(crate) agent: PathBuf,
}

/// A folder with the configuration and data of one server and its agents.
#[derive(Debug)]
pub(crate) struct Site {
    dir: TempDir,
    programs: Programs,
    pub(crate) port: u16,
}

/// A running program; dropping it ends it.
#[derive(Debug)]
pub(crate) struct Running(Child);

impl Running {
    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.0.kill().is_ok() {
            drop(self.0.wait());
        }
    }
}

impl Site {
    /// A site in an empty folder.
    pub(crate) fn new(programs: &Programs, ca_key_type: &str) -> Result<Self> {
        let dir = tempfile::Builder::new()
            .prefix("bench-")
            .tempdir_in("/tmp")?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let site = Self {
            dir,
            programs: programs.clone(),
            port,
        };
        fs::create_dir_all(site.path("server"))?;
        fs::write(site.path("server.conf"), site.server_config(ca_key_type))?;
        Ok(site)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The server's private socket.
    pub(crate) fn server_socket(&self) -> PathBuf {
        self.path("private/api.sock")
    }

    /// The socket of the agent with this name.
    pub(crate) fn agent_socket(&self, name: &str) -> PathBuf {
        self.path(&format!("{name}-public/api.sock"))
    }

    /// Starts the server and says how long it took until it answered.
    pub(crate) async fn start_server(&self) -> Result<(Running, Duration)> {
        let start = Instant::now();
        let mut server = self.launch(&self.programs.server, "server", &[])?;
        loop {
            if let Ok(channel) = client::unix(&self.server_socket()).await
                && BundleClient::new(channel)
                    .get_bundle(GetBundleRequest::default())
                    .await
                    .is_ok()
            {
                return Ok((server, start.elapsed()));
            }
            self.check(&mut server, "server", start).await?;
        }
    }

    /// Starts an agent that attests with this token; it is not waited for.
    pub(crate) fn start_agent(&self, name: &str, token: &str) -> Result<Running> {
        fs::create_dir_all(self.path(name))?;
        fs::write(self.path(&format!("{name}.conf")), self.agent_config(name))?;
        self.launch(&self.programs.agent, name, &["-joinToken", token])
    }

    /// Fails when the program has ended or takes too long; otherwise waits a moment.
    pub(crate) async fn check(
        &self,
        program: &mut Running,
        name: &str,
        start: Instant,
    ) -> Result<()> {
        if let Some(status) = program.0.try_wait()? {
            bail!("the {name} ended with {status}: {}", self.log(name));
        }
        if start.elapsed() > LIMIT {
            bail!(
                "the {name} is not ready after {LIMIT:?}: {}",
                self.log(name)
            );
        }
        sleep(Duration::from_millis(1)).await;
        Ok(())
    }

    fn log(&self, name: &str) -> String {
        fs::read_to_string(self.path(&format!("{name}.log"))).unwrap_or_default()
    }

    fn launch(&self, program: &Path, name: &str, words: &[&str]) -> Result<Running> {
        let log = File::create(self.path(&format!("{name}.log")))?;
        let child = Command::new(program)
            .arg("run")
            .arg("-config")
            .arg(self.path(&format!("{name}.conf")))
            .args(words)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        Ok(Running(child))
    }

    fn server_config(&self, ca_key_type: &str) -> String {
        let dir = self.dir.path().display();
        format!(
            r#"server {{
    bind_address = "127.0.0.1"
    bind_port = "{port}"
    socket_path = "{socket}"
    trust_domain = "{TRUST_DOMAIN}"
    data_dir = "{dir}/server"
    log_level = "WARN"
    ca_key_type = "{ca_key_type}"
    ratelimit {{
        attestation = false
        signing = false
    }}
}}
plugins {{
    DataStore "sql" {{
        plugin_data {{
            database_type = "sqlite3"
            connection_string = "{dir}/server/datastore.sqlite3"
        }}
    }}
    NodeAttestor "join_token" {{
        plugin_data {{}}
    }}
    KeyManager "disk" {{
        plugin_data {{
            keys_path = "{dir}/server/keys.json"
        }}
    }}
}}
"#,
            port = self.port,
            socket = self.server_socket().display(),
        )
    }

    fn agent_config(&self, name: &str) -> String {
        let dir = self.dir.path().display();
        format!(
            r#"agent {{
    data_dir = "{dir}/{name}"
    log_level = "WARN"
    server_address = "127.0.0.1"
    server_port = "{port}"
    socket_path = "{socket}"
    trust_domain = "{TRUST_DOMAIN}"
    insecure_bootstrap = true
}}
plugins {{
    NodeAttestor "join_token" {{
        plugin_data {{}}
    }}
    KeyManager "disk" {{
        plugin_data {{
            directory = "{dir}/{name}"
        }}
    }}
    WorkloadAttestor "unix" {{
        plugin_data {{}}
    }}
}}
"#,
            port = self.port,
            socket = self.agent_socket(name).display(),
        )
    }
}

/// A SPIFFE ID of the measurements' trust domain.
pub(crate) fn id(path: &str) -> Option<Spiffeid> {
    Some(Spiffeid {
        trust_domain: TRUST_DOMAIN.to_owned(),
        path: path.to_owned(),
    })
}

/// An entry for this process, or for nobody when `mine` is false.
pub(crate) fn entry(path: &str, parent: &str, mine: bool) -> Entry {
    let value = if mine {
        nix::unistd::getuid().to_string()
    } else {
        path.to_owned()
    };
    let kind = if mine { "unix" } else { "bench" };
    let value = if mine { format!("uid:{value}") } else { value };
    Entry {
        spiffe_id: id(path),
        parent_id: id(parent),
        selectors: vec![Selector {
            r#type: kind.to_owned(),
            value,
        }],
        ..Entry::default()
    }
}
