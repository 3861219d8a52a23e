//! Files that are never half written: a reader sees the old content or the new, also after a
//! crash.

use std::{
    fs::{self, File, Permissions},
    io::{self, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

/// A file that could not be written; the one that was there is untouched.
#[derive(Debug, thiserror::Error)]
#[error("failed to write {}: {step}: {source}", path.display())]
pub struct WriteError {
    path: PathBuf,
    step: &'static str,
    source: io::Error,
}

/// Writes `content` to `path` with exactly `mode`, in place of what was there: a temporary file in
/// the same folder is written, synced and renamed, and the folder synced. Blocks.
///
/// # Errors
/// [`WriteError`]; nothing of the new content is left behind.
pub fn write(path: &Path, content: &[u8], mode: u32) -> Result<(), WriteError> {
    let failed = |step| {
        move |source| WriteError {
            path: path.to_owned(),
            step,
            source,
        }
    };
    let folder = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let mut temporary = tempfile::Builder::new()
        .prefix(".new-")
        .tempfile_in(folder)
        .map_err(failed("cannot make a temporary file beside it"))?;
    let file = temporary.as_file_mut();
    file.set_permissions(Permissions::from_mode(mode))
        .map_err(failed("cannot set its mode"))?;
    file.write_all(content)
        .map_err(failed("cannot write its content"))?;
    file.sync_all().map_err(failed("cannot sync it"))?;
    temporary
        .persist(path)
        .map_err(|error| failed("cannot rename it into place")(error.error))?;
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(failed("cannot sync its folder"))
}

/// As [`write`], without blocking the caller's thread.
///
/// # Errors
/// As [`write`].
pub async fn write_async(path: PathBuf, content: Vec<u8>, mode: u32) -> Result<(), WriteError> {
    let target = path.clone();
    match tokio::task::spawn_blocking(move || write(&target, &content, mode)).await {
        Ok(done) => done,
        Err(lost) => Err(WriteError {
            path,
            step: "lost the task",
            source: io::Error::other(lost),
        }),
    }
}

/// Makes the folder `path` and those above it as far as they are missing; what is made gets
/// `mode` less the umask.
///
/// # Errors
/// What the operating system says, with the path.
pub fn create_folder(path: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(path)
        .map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("failed to create folder {}: {error}", path.display()),
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[tokio::test]
    async fn replaces_content_and_mode() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys.json");
        write(&path, b"one", 0o600).unwrap();
        assert_eq!(
            (fs::read(&path).unwrap(), mode(&path)),
            (b"one".to_vec(), 0o600)
        );
        write_async(path.clone(), b"two".to_vec(), 0o666)
            .await
            .unwrap();
        assert_eq!(
            (fs::read(&path).unwrap(), mode(&path)),
            (b"two".to_vec(), 0o666)
        );
        assert_eq!(
            names(dir.path()),
            ["keys.json"],
            "no temporary file is left"
        );
    }

    #[test]
    fn a_failure_names_the_file_and_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("taken");
        fs::create_dir(&path).unwrap();
        let error = write(&path, b"x", 0o600).unwrap_err().to_string();
        assert!(
            error.contains("taken: cannot rename it into place"),
            "{error}"
        );
        assert_eq!(names(dir.path()), ["taken"]);

        let error = write(&dir.path().join("no/such"), b"x", 0o600)
            .unwrap_err()
            .to_string();
        assert!(error.contains("cannot make a temporary file"), "{error}");
    }

    #[test]
    fn folders_are_made_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b");
        create_folder(&path, 0o700).unwrap();
        create_folder(&path, 0o755).unwrap();
        assert_eq!(mode(&path), 0o700);
        fs::write(dir.path().join("file"), "").unwrap();
        let error = create_folder(&dir.path().join("file/c"), 0o700)
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("failed to create folder"), "{error}");
    }
}
