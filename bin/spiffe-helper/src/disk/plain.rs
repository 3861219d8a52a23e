//! Files side by side, where they cannot change together.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use super::{
    Content, DiskError,
    file::{folder_of, sync_folder},
    generation::Store,
};

/// Publishes the files in their order. All are complete on disk before the first becomes visible,
/// so that the moment in which they do not match is as short as it can be.
pub(super) fn publish(contents: &[Content<'_>], store: &Store) -> Result<(), DiskError> {
    let mut ready = Vec::new();
    for content in contents {
        let target = if store.owns(content.path) {
            content.path.to_owned()
        } else {
            target(content.path)
        };
        ready.push((temporary(content, &target)?, target));
    }
    for (file, target) in ready {
        file.persist(&target)
            .map_err(|error| DiskError::at("rename into place", target)(error.error))?;
    }
    for content in contents {
        sync_folder(content.folder())?;
    }
    store.remove();
    Ok(())
}

fn temporary(content: &Content<'_>, target: &Path) -> Result<NamedTempFile, DiskError> {
    let folder = folder_of(target);
    let mut file = tempfile::Builder::new()
        .prefix(".new-")
        .tempfile_in(folder)
        .map_err(DiskError::at("make a file in", folder))?;
    content.fill(file.as_file_mut(), target)?;
    Ok(file)
}

/// What `path` leads to if it is somebody's link, for that is the file to replace.
pub(super) fn target(path: &Path) -> PathBuf {
    if super::generation::is_link(path) {
        return fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    }
    path.to_owned()
}
