//! Credentials kept between calls of `credential-process`: an SDK starts one process for every
//! client it makes, and each would be a session of its own.

use std::{
    fs::{self, File},
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    time::Duration,
};

use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;
use nix::fcntl::{Flock, FlockArg};
use steeple_lifecycle::files;

use crate::{cli::Values, credentials::Credentials, log::Log};

/// SDKs ask again a quarter of an hour before the end; what would be asked for again at once is of
/// no use.
const MARGIN: Duration = Duration::from_secs(16 * 60);

/// Flags that make for other credentials.
const KEY: &[&str] = &[
    "certificate",
    "endpoint",
    "private-key",
    "profile-arn",
    "region",
    "role-arn",
    "role-session-name",
    "session-duration",
    "svid-hint",
    "trust-anchor-arn",
    "workload-api",
];

/// The file of one set of flags, locked: of several processes that find it stale, one asks.
#[derive(Debug)]
pub(super) struct Cache {
    file: PathBuf,
    _lock: Flock<File>,
}

impl Cache {
    /// Opens the user's cache. Without one credentials are obtained anew: that is said, and no
    /// reason to fail.
    pub(super) fn open(values: &Values, log: &Log) -> Option<Self> {
        let opened = folder().and_then(|folder| Self::lock(&folder, values));
        opened
            .map_err(|why| log.line(format_args!("the cache is not used: {why}")))
            .ok()
    }

    fn lock(folder: &PathBuf, values: &Values) -> Result<Self, String> {
        let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", folder.display());
        files::create_folder(folder, 0o700).map_err(|error| failed(&error))?;
        let mode = fs::metadata(folder).map_err(|error| failed(&error))?;
        if mode.permissions().mode() & 0o077 != 0 {
            return Err(failed(&"others may enter this folder; make it 0700"));
        }
        let parts: Vec<_> = KEY.iter().map(|name| values.text(name)).collect();
        let name = hex::encode(digest(&SHA256, parts.join("\0").as_bytes()));
        let lock = File::create(folder.join(format!("{name}.lock")));
        let lock = lock.map_err(|error| failed(&error))?;
        let lock = Flock::lock(lock, FlockArg::LockExclusive);
        Ok(Self {
            file: folder.join(format!("{name}.json")),
            _lock: lock.map_err(|(_, error)| failed(&error))?,
        })
    }

    /// What is kept, while it lasts long enough.
    pub(super) fn read(&self, now: Timestamp) -> Option<Credentials> {
        let kept: Credentials = serde_json::from_slice(&fs::read(&self.file).ok()?).ok()?;
        (kept.left(now) > kept.margin(MARGIN)).then_some(kept)
    }

    /// Keeps credentials for the next call.
    pub(super) fn write(&self, credentials: &Credentials, log: &Log) {
        let Ok(content) = serde_json::to_vec(credentials) else {
            return;
        };
        if let Err(error) = files::write(&self.file, &content, 0o600) {
            log.line(format_args!("the credentials are not cached: {error}"));
        }
    }
}

fn folder() -> Result<PathBuf, String> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let base = set("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| set("HOME").map(|home| PathBuf::from(home).join(".cache")));
    let base = base.ok_or("neither XDG_CACHE_HOME nor HOME is set")?;
    Ok(base.join("aws_signing_helper"))
}
