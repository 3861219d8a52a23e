//! The one folder that everything lives in.

use std::{
    fs::{self, File, TryLockError},
    io::{ErrorKind, Read as _, Seek as _, Write as _},
    path::{Path, PathBuf, absolute},
};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use steeple_cli::MAX_SOCKET_PATH;
use steeple_lifecycle::files;
use steeple_spiffe::{SpiffeId, TrustDomain};

const DEFAULT_TRUST_DOMAIN: &str = "example.org";

/// For the owner alone: keys are in there.
const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// The folder, which belongs to this process for as long as this lives.
pub(crate) struct Folder {
    path: PathBuf,
    /// Whose keys are in it.
    pub(crate) trust_domain: TrustDomain,
    _lock: File,
}

impl Folder {
    /// Makes the folder or takes up the one that is there.
    ///
    /// # Errors
    /// When another process uses it, it is of another trust domain than `wanted`, its path is too
    /// long for a socket, or it cannot be made.
    pub(crate) fn open(path: &Path, wanted: Option<TrustDomain>) -> Result<Self> {
        let path = absolute(path).context("the current folder is gone")?;
        fits_a_socket(&path)?;
        files::create_folder(&path, FOLDER_MODE)
            .with_context(|| format!("could not create the folder {}", path.display()))?;
        let lock = lock(&path)?;
        let trust_domain = match (kept_trust_domain(&path)?, wanted) {
            (Some(kept), Some(wanted)) if kept != wanted => bail!(
                "{} belongs to trust domain {kept}; for {wanted} choose another folder with --dir, \
                 or remove this one to start afresh",
                path.display()
            ),
            (Some(kept), _) => kept,
            (None, Some(wanted)) => wanted,
            (None, None) => TrustDomain::parse(DEFAULT_TRUST_DOMAIN)?,
        };
        let folder = Self {
            path,
            trust_domain,
            _lock: lock,
        };
        folder.write_state(folder.agent_id()?.as_ref())?;
        Ok(folder)
    }

    /// The folder itself.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What server and agent log.
    pub(crate) fn log(&self) -> PathBuf {
        self.path.join("steeple.log")
    }

    /// The server's database and keys.
    pub(crate) fn server_data(&self) -> PathBuf {
        self.path.join("server")
    }

    /// The agent's identity and keys.
    pub(crate) fn agent_data(&self) -> PathBuf {
        self.path.join("agent")
    }

    /// For operators.
    pub(crate) fn server_socket(&self) -> PathBuf {
        self.path.join(SERVER_SOCKET)
    }

    /// For workloads.
    pub(crate) fn agent_socket(&self) -> PathBuf {
        self.path.join(AGENT_SOCKET)
    }

    /// The roots by which the agent knows the server at first.
    pub(crate) fn bundle(&self) -> PathBuf {
        self.path.join("bundle.pem")
    }

    /// Who the agent was at the last start.
    pub(crate) fn agent_id(&self) -> Result<Option<SpiffeId>> {
        match read_state(&self.path)?
            .get("agent_id")
            .and_then(Value::as_str)
        {
            Some(id) => {
                let id = SpiffeId::parse(id);
                Ok(Some(id.with_context(|| damaged(&self.path))?))
            }
            None => Ok(None),
        }
    }

    /// Keeps who the agent is.
    pub(crate) fn keep_agent_id(&self, id: &SpiffeId) -> Result<()> {
        self.write_state(Some(id))
    }

    /// Takes the agent's useless identity away, so that it attests like a new one.
    pub(crate) fn forget_agent(&self) -> Result<()> {
        let path = self.agent_data();
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error)
                .with_context(|| format!("could not remove the old identity {}", path.display())),
            _ => self.write_state(None),
        }
    }

    fn write_state(&self, agent_id: Option<&SpiffeId>) -> Result<()> {
        let state = json!({
            "trust_domain": self.trust_domain.as_str(),
            "agent_id": agent_id.map(SpiffeId::as_str),
        });
        let text = format!("{state:#}\n");
        Ok(files::write(
            &self.path.join(STATE),
            text.as_bytes(),
            FILE_MODE,
        )?)
    }
}

const SERVER_SOCKET: &str = "server.sock";
const AGENT_SOCKET: &str = "agent.sock";
const STATE: &str = "dev.json";

fn fits_a_socket(folder: &Path) -> Result<()> {
    let socket = folder.join(SERVER_SOCKET);
    let length = socket.as_os_str().len();
    if length > MAX_SOCKET_PATH {
        bail!(
            "the folder's path is too long: {} has {length} bytes, and the path of a Unix socket \
             may have {MAX_SOCKET_PATH}; choose a shorter one with --dir, for instance \
             --dir /tmp/steeple",
            socket.display()
        );
    }
    Ok(())
}

fn lock(folder: &Path) -> Result<File> {
    let path = folder.join("lock");
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .with_context(|| format!("could not open {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let known = file.read_to_string(&mut holder).is_ok() && !holder.trim().is_empty();
            let holder = if known {
                format!("process {}", holder.trim())
            } else {
                "another process".into()
            };
            bail!(
                "{} is in use: {holder} runs 'steeple dev' in it; stop that one, or choose another \
                 folder with --dir",
                folder.display()
            );
        }
        Err(TryLockError::Error(error)) => {
            return Err(error).with_context(|| format!("could not lock {}", path.display()));
        }
    }
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .with_context(|| format!("could not write {}", path.display()))?;
    Ok(file)
}

fn kept_trust_domain(folder: &Path) -> Result<Option<TrustDomain>> {
    match read_state(folder)?
        .get("trust_domain")
        .and_then(Value::as_str)
    {
        Some(text) => {
            let domain = TrustDomain::parse(text);
            Ok(Some(domain.with_context(|| damaged(folder))?))
        }
        None => Ok(None),
    }
}

fn read_state(folder: &Path) -> Result<Value> {
    match fs::read(folder.join(STATE)) {
        Ok(bytes) => serde_json::from_slice(&bytes).with_context(|| damaged(folder)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Value::Null),
        Err(error) => Err(error).with_context(|| damaged(folder)),
    }
}

fn damaged(folder: &Path) -> String {
    let path = folder.join(STATE);
    format!(
        "{} cannot be read; remove the folder to start afresh",
        path.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain(text: &str) -> Option<TrustDomain> {
        Some(TrustDomain::parse(text).unwrap())
    }

    #[test]
    fn the_trust_domain_stays_with_the_folder() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new");
        assert_eq!(
            Folder::open(&path, domain("a.org"))
                .unwrap()
                .trust_domain
                .as_str(),
            "a.org"
        );
        assert_eq!(
            Folder::open(&path, None).unwrap().trust_domain.as_str(),
            "a.org"
        );
        let error = Folder::open(&path, domain("b.org"))
            .err()
            .unwrap()
            .to_string();
        assert!(error.contains("belongs to trust domain a.org"), "{error}");
        let fresh = Folder::open(&dir.path().join("other"), None).unwrap();
        assert_eq!(fresh.trust_domain.as_str(), DEFAULT_TRUST_DOMAIN);
    }

    #[test]
    fn the_agent_is_remembered_until_it_is_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path(), None).unwrap();
        assert_eq!(folder.agent_id().unwrap(), None);
        let id = SpiffeId::parse("spiffe://example.org/spire/agent/join_token/x").unwrap();
        folder.keep_agent_id(&id).unwrap();
        drop(folder);
        let folder = Folder::open(dir.path(), None).unwrap();
        assert_eq!(folder.agent_id().unwrap(), Some(id));
        fs::create_dir(folder.agent_data()).unwrap();
        folder.forget_agent().unwrap();
        assert_eq!(folder.agent_id().unwrap(), None);
        assert!(!folder.agent_data().exists());
    }

    #[test]
    fn one_process_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let first = Folder::open(dir.path(), None).unwrap();
        let error = Folder::open(dir.path(), None).err().unwrap().to_string();
        assert!(
            error.contains(&format!("process {}", std::process::id())),
            "{error}"
        );
        drop(first);
        Folder::open(dir.path(), None).unwrap();
    }

    #[test]
    fn a_path_too_long_for_a_socket_is_refused_before_anything_is_made() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x".repeat(100));
        let error = Folder::open(&path, None).err().unwrap().to_string();
        assert!(
            error.contains("too long") && error.contains("--dir"),
            "{error}"
        );
        assert!(!path.exists());
    }
}
