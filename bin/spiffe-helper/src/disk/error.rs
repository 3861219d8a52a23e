//! Why files could not be published.

use std::{io, path::PathBuf};

use steeple_lifecycle::files::WriteError;

/// Files could not be published; what was there is still there.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DiskError {
    /// The file system, or its mount, has no symbolic links.
    #[error("the file system has no symbolic links")]
    NoLinks,
    /// A step failed.
    #[error("failed to {step} {}: {source}{}", path.display(), next(source))]
    Step {
        /// What was tried.
        step: &'static str,
        /// On what.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A single file could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl DiskError {
    /// For `map_err`.
    pub(super) fn at(
        step: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Step { step, path, source }
    }
}

fn next(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "; make the folder first, spiffe-helper does not",
        io::ErrorKind::PermissionDenied => {
            "; the user that spiffe-helper runs as must own or be able to write the folder"
        }
        _ => "",
    }
}
