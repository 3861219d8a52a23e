//! One file of several that are published together.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::Write as _,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

use super::DiskError;

/// A file's place, content and mode.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Content<'c> {
    /// Where it is to be.
    pub(crate) path: &'c Path,
    /// What is to be in it.
    pub(crate) bytes: &'c [u8],
    /// Its mode, whatever the umask is.
    pub(crate) mode: u32,
}

impl<'c> Content<'c> {
    pub(super) fn new(path: &'c Path, bytes: &'c [u8], mode: u32) -> Self {
        Self { path, bytes, mode }
    }

    /// The folder that it is in.
    pub(super) fn folder(&self) -> &'c Path {
        folder_of(self.path)
    }

    /// Writes and syncs it as a new file under another name.
    pub(super) fn write_new(&self, path: &Path) -> Result<(), DiskError> {
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path);
        let mut file = file.map_err(DiskError::at("make", path))?;
        self.fill(&mut file, path)
    }

    /// Fills a file that nobody sees yet.
    pub(super) fn fill(&self, file: &mut File, path: &Path) -> Result<(), DiskError> {
        file.set_permissions(Permissions::from_mode(self.mode))
            .and_then(|()| file.write_all(self.bytes))
            .and_then(|()| file.sync_all())
            .map_err(DiskError::at("write", path))
    }
}

/// The folder that `path` is in.
pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// Makes sure that the names in a folder outlive a power cut.
pub(super) fn sync_folder(folder: &Path) -> Result<(), DiskError> {
    fs::File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(DiskError::at("sync", folder))
}
