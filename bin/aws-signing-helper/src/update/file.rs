//! The shared credentials file on disk.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
};

use nix::fcntl::{Flock, FlockArg};
use steeple_lifecycle::files::{self, WriteError};

use super::profile;
use crate::credentials::Credentials;

/// Why the file is as it was.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    /// Nobody says where it is.
    #[error(
        "there is no credentials file to write: neither AWS_SHARED_CREDENTIALS_FILE nor HOME is set"
    )]
    Nowhere,
    /// A name that no section can have.
    #[error("--profile {0:?} is no profile's name")]
    Profile(String),
    /// It cannot be read, locked, or its folder made.
    #[error("credentials file {path:?}: {reason}")]
    Read { path: PathBuf, reason: String },
    /// It cannot be written.
    #[error("credentials file: {0}")]
    Write(#[from] WriteError),
}

/// One profile of the file.
#[derive(Debug)]
pub(super) struct CredentialsFile {
    path: PathBuf,
    profile: String,
}

impl CredentialsFile {
    /// Finds out where the file is.
    pub(super) fn find(profile: &str) -> Result<Self, FileError> {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let path = set("AWS_SHARED_CREDENTIALS_FILE")
            .map(PathBuf::from)
            .or_else(|| set("HOME").map(|home| PathBuf::from(home).join(".aws/credentials")));
        let path = path.ok_or(FileError::Nowhere)?;
        if profile.is_empty() || profile.contains(['[', ']', '\n']) {
            return Err(FileError::Profile(profile.to_owned()));
        }
        let profile = profile.to_owned();
        Ok(Self { path, profile })
    }

    /// Writes the credentials into the profile. Readers see the old file or the new, and of two
    /// writers the second waits. Mode and owner stay.
    pub(super) fn put(&self, credentials: &Credentials) -> Result<(), FileError> {
        let failed = |error: io::Error| FileError::Read {
            path: self.path.clone(),
            reason: error.to_string(),
        };
        let folder = match self.path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        files::create_folder(folder, 0o700).map_err(failed)?;
        let lock = File::open(folder).map_err(failed)?;
        let lock = Flock::lock(lock, FlockArg::LockExclusive);
        let _lock = lock.map_err(|(_, error)| failed(error.into()))?;

        // A link to the file stays one.
        let path = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let old = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            read => Some(read.map_err(failed)?),
        };
        let owner = match &old {
            Some(_) => Some(fs::metadata(&path).map_err(failed)?),
            None => None,
        };
        let text = profile::put(&old.unwrap_or_default(), &self.profile, credentials);
        let mode = owner
            .as_ref()
            .map(|owner| owner.permissions().mode() & 0o777);
        files::write(&path, text.as_bytes(), mode.unwrap_or(0o600))?;
        if let Some(owner) = owner {
            keep_owner(&path, owner.uid(), owner.gid()).map_err(failed)?;
        }
        Ok(())
    }
}

fn keep_owner(path: &Path, uid: u32, gid: u32) -> io::Result<()> {
    let new = fs::metadata(path)?;
    if (new.uid(), new.gid()) == (uid, gid) {
        return Ok(());
    }
    chown(path, Some(uid), Some(gid))
}
