//! One generation of files at a time, as Kubernetes does it for secrets.
//!
//! Beside the files lies a folder `.<certificate file>.generations`. Each update is a folder of its
//! own in it, complete before anybody sees it; `current` is a link to the one that counts, and the
//! names that the configuration gives are links through `current`. So all files change with one
//! rename. A reader that opens them by way of one `current` gets one generation, whenever that
//! is; the one before stays until the next update.

use std::{
    fs::{self, File, Permissions},
    io,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink},
    path::{Path, PathBuf},
};

use nix::fcntl::{Flock, FlockArg};
use tempfile::TempPath;

use super::{
    Content, DiskError,
    file::{folder_of, sync_folder},
};

const CURRENT: &str = "current";
/// Everybody may pass; the files have modes of their own.
const FOLDER_MODE: u32 = 0o755;
const SETGID: u32 = 0o2000;

/// The folder with the generations of three files.
#[derive(Debug)]
pub(super) struct Store {
    /// The folder that the names lie in.
    outside: PathBuf,
    /// The store's own name.
    name: String,
}

impl Store {
    /// The store that belongs to the certificate file `svid`.
    pub(super) fn beside(svid: &Path) -> Self {
        let name = svid.file_name().unwrap_or_default().to_string_lossy();
        Self {
            outside: folder_of(svid).to_owned(),
            name: format!(".{name}.generations"),
        }
    }

    fn path(&self) -> PathBuf {
        self.outside.join(&self.name)
    }

    fn current(&self) -> PathBuf {
        self.path().join(CURRENT)
    }

    /// Whether `path` is a link into this store.
    pub(super) fn owns(&self, path: &Path) -> bool {
        fs::read_link(path).is_ok_and(|target| target.starts_with(&self.name))
    }

    /// Publishes the files, which lie in one folder, together.
    pub(super) fn publish(&self, contents: &[Content<'_>]) -> Result<(), DiskError> {
        self.make()?;
        let _lock = self.lock();
        self.adopt(contents)?;
        let previous = fs::read_link(self.current()).ok();
        let generation = self.fill(contents)?;
        self.swap(&generation)?;
        // Renamed each time, although they do not change: whoever watches the folder is told.
        for content in contents {
            self.link(content.path)?;
        }
        sync_folder(&self.outside)?;
        self.prune(&[Some(generation), previous]);
        Ok(())
    }

    /// Takes the store away, after plain files have taken the place of its links.
    pub(super) fn remove(&self) {
        if is_link(&self.current()) {
            // What cannot be removed is only in nobody's way.
            drop(fs::remove_dir_all(self.path()));
        }
    }

    fn make(&self) -> Result<(), DiskError> {
        let path = self.path();
        match fs::create_dir(&path) {
            Ok(()) => open_to_all(&path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(DiskError::at("make the folder", path)(error)),
        }
    }

    /// Two helpers on the same files take turns. Where the file system has no locks they do not.
    fn lock(&self) -> Option<Flock<File>> {
        let folder = File::open(self.path()).ok()?;
        Flock::lock(folder, FlockArg::LockExclusive).ok()
    }

    /// Turns plain files, as another program left them, into a generation with the same content.
    fn adopt(&self, contents: &[Content<'_>]) -> Result<(), DiskError> {
        let is_plain = |content: &&Content<'_>| {
            fs::symlink_metadata(content.path).is_ok_and(|there| there.is_file())
        };
        if !contents.iter().any(|content| is_plain(&content)) {
            return Ok(());
        }
        let mut found = Vec::new();
        for content in contents {
            if let Ok(bytes) = fs::read(content.path) {
                let mode = fs::metadata(content.path).map_or(content.mode, |there| there.mode());
                found.push((content.path, bytes, mode & 0o777));
            }
        }
        let found: Vec<Content<'_>> = found
            .iter()
            .map(|(path, bytes, mode)| Content::new(path, bytes, *mode))
            .collect();
        let generation = self.fill(&found)?;
        self.swap(&generation)?;
        found.iter().try_for_each(|content| self.link(content.path))
    }

    /// Writes a generation that nobody sees yet; returns its name.
    fn fill(&self, contents: &[Content<'_>]) -> Result<PathBuf, DiskError> {
        let store = self.path();
        let folder = tempfile::Builder::new()
            .prefix("generation-")
            .tempdir_in(&store)
            .map_err(DiskError::at("make a folder in", store))?;
        open_to_all(folder.path())?;
        for content in contents {
            content.write_new(&folder.path().join(file_name(content.path)))?;
        }
        sync_folder(folder.path())?;
        let kept = folder.keep();
        Ok(PathBuf::from(file_name(&kept)))
    }

    /// Makes a generation the one that counts.
    fn swap(&self, generation: &Path) -> Result<(), DiskError> {
        let current = self.current();
        self.new_link(generation)?
            .persist(&current)
            .map_err(|error| DiskError::at("swap the link", current)(error.error))?;
        sync_folder(&self.path())
    }

    /// Puts a link into the current generation in place of `path`.
    fn link(&self, path: &Path) -> Result<(), DiskError> {
        let target = Path::new(&self.name).join(CURRENT).join(file_name(path));
        self.new_link(&target)?
            .persist(path)
            .map_err(|error| DiskError::at("rename a link to", path)(error.error))
    }

    /// A link under a name of its own, in the store, where the next update clears it away if this
    /// process is killed.
    fn new_link(&self, target: &Path) -> Result<TempPath, DiskError> {
        let store = self.path();
        let made = tempfile::Builder::new()
            .prefix("link-")
            .make_in(&store, |path| symlink(target, path));
        match made {
            Ok(link) => Ok(link.into_temp_path()),
            Err(error) if has_no_links(&error) => {
                if !is_link(&self.current()) {
                    // It holds nothing; left behind, it is in nobody's way.
                    drop(fs::remove_dir_all(&store));
                }
                Err(DiskError::NoLinks)
            }
            Err(error) => Err(DiskError::at("make a link in", store)(error)),
        }
    }

    /// Removes every generation but these, and what killed processes have left.
    fn prune(&self, keep: &[Option<PathBuf>]) {
        let entries = fs::read_dir(self.path()).into_iter().flatten().flatten();
        for entry in entries {
            let name = PathBuf::from(entry.file_name());
            if name == Path::new(CURRENT) || keep.iter().flatten().any(|kept| *kept == name) {
                continue;
            }
            // What cannot be removed now is tried again with the next update.
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => drop(fs::remove_dir_all(entry.path())),
                _ => drop(fs::remove_file(entry.path())),
            }
        }
    }
}

/// Whether `path` is a symbolic link.
pub(super) fn is_link(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|there| there.is_symlink())
}

fn file_name(path: &Path) -> &std::ffi::OsStr {
    path.file_name().unwrap_or_default()
}

/// Opens a folder of ours to all, keeping the group that it hands on.
fn open_to_all(folder: &Path) -> Result<(), DiskError> {
    let inherited = fs::metadata(folder).map_or(0, |there| there.mode() & SETGID);
    let mode = Permissions::from_mode(FOLDER_MODE | inherited);
    fs::set_permissions(folder, mode).map_err(DiskError::at("set the mode of", folder))
}

/// vfat and some network file systems say EPERM, others that they do not know the call.
fn has_no_links(error: &io::Error) -> bool {
    use nix::libc::{ENOSYS, EOPNOTSUPP, EPERM};
    matches!(error.raw_os_error(), Some(EPERM | EOPNOTSUPP | ENOSYS))
        || error.kind() == io::ErrorKind::Unsupported
}
