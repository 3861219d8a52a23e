//! Where a case keeps its files.

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::programs::target_dir;

/// A folder of its own for one case; it goes away when the case passes.
#[derive(Debug)]
pub struct Place {
    dir: TempDir,
}

impl Place {
    /// A folder below `/tmp`, where paths are short enough for sockets, open to other uids.
    ///
    /// # Errors
    ///
    /// When the folder cannot be made.
    pub fn new() -> Result<Self> {
        Self::below(Path::new("/tmp"))
    }

    /// A folder below the target folder, for a case that puts something else in place of `/tmp`.
    ///
    /// # Errors
    ///
    /// When the folder cannot be made.
    pub fn in_target() -> Result<Self> {
        let parent = target_dir()?.join("tmp");
        fs::create_dir_all(&parent)?;
        Self::below(&parent)
    }

    fn below(parent: &Path) -> Result<Self> {
        let dir = tempfile::Builder::new()
            .prefix("steeple-")
            .tempdir_in(parent)
            .with_context(|| format!("making a folder in {}", parent.display()))?;
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755))?;
        Ok(Self { dir })
    }

    /// The folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// A path in the folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Makes a folder that every uid may enter.
    ///
    /// # Errors
    ///
    /// When the folder cannot be made.
    pub fn open_dir(&self, name: &str) -> Result<PathBuf> {
        let path = self.path(name);
        fs::create_dir_all(&path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        Ok(path)
    }

    /// Writes a file in the folder and says where it is.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> Result<PathBuf> {
        let path = self.path(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
        Ok(path)
    }

    /// Leaves the folder on disk and says where it is.
    #[must_use]
    pub fn keep(self) -> PathBuf {
        self.dir.keep()
    }
}

/// A TCP port that was free a moment ago.
///
/// # Errors
///
/// When no port can be bound.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
