//! Where lines go: standard output, or a file that can be opened anew after it was moved away.

use std::{
    fs::{File, OpenOptions},
    io::{self, IsTerminal as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The destination of all lines.
pub(crate) enum Sink {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// A file, by its name.
    File { path: PathBuf, file: Mutex<File> },
}

impl Sink {
    pub(crate) fn open(path: Option<&Path>, stderr: bool) -> io::Result<Self> {
        match path {
            None if stderr => Ok(Self::Stderr),
            None => Ok(Self::Stdout),
            Some(path) => {
                let file = Mutex::new(append_to(path)?);
                Ok(Self::File {
                    path: path.to_owned(),
                    file,
                })
            }
        }
    }

    pub(crate) fn is_terminal(&self) -> bool {
        match self {
            Self::Stdout => io::stdout().is_terminal(),
            Self::Stderr => io::stderr().is_terminal(),
            Self::File { file, .. } => lock(file).is_terminal(),
        }
    }

    /// Writes one finished line. Nothing can be done about a failure but to say so elsewhere.
    pub(crate) fn write(&self, line: &str) {
        let done = match self {
            Self::Stdout => io::stdout().lock().write_all(line.as_bytes()),
            Self::Stderr => io::stderr().lock().write_all(line.as_bytes()),
            Self::File { file, .. } => lock(file).write_all(line.as_bytes()),
        };
        if let Err(error) = done {
            // Standard error may be gone as well.
            drop(writeln!(io::stderr(), "Failed to write to log, {error}"));
        }
    }

    /// Opens the file by its name again; the old one stays in use when that fails.
    pub(crate) fn reopen(&self) -> io::Result<()> {
        if let Self::File { path, file } = self {
            let anew = append_to(path)?;
            *lock(file) = anew;
        }
        Ok(())
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o640)
        .open(path)
}

fn lock(file: &Mutex<File>) -> MutexGuard<'_, File> {
    file.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    #[test]
    fn a_file_is_appended_to_and_reopened() {
        let dir = tempfile::tempdir().unwrap();
        let (path, moved) = (dir.path().join("log"), dir.path().join("log.1"));
        fs::write(&path, "before\n").unwrap();
        let sink = Sink::open(Some(&path), false).unwrap();
        sink.write("one\n");
        fs::rename(&path, &moved).unwrap();
        sink.write("two\n");
        sink.reopen().unwrap();
        sink.write("three\n");
        assert_eq!(fs::read_to_string(&moved).unwrap(), "before\none\ntwo\n");
        assert_eq!(fs::read_to_string(&path).unwrap(), "three\n");
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o137, 0, "no more than 0640: {mode:o}");
    }

    #[test]
    fn a_failed_reopen_keeps_the_old_file() {
        let dir = tempfile::tempdir().unwrap();
        let (folder, moved) = (dir.path().join("logs"), dir.path().join("old"));
        fs::create_dir(&folder).unwrap();
        let sink = Sink::open(Some(&folder.join("log")), false).unwrap();
        fs::rename(&folder, &moved).unwrap();
        assert!(sink.reopen().is_err());
        sink.write("still here\n");
        assert_eq!(
            fs::read_to_string(moved.join("log")).unwrap(),
            "still here\n"
        );
    }
}
