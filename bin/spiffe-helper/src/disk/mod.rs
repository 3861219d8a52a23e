//! Files that a reader never sees half: single ones, and the three of an X.509-SVID together.

mod error;
mod file;
mod generation;
mod plain;
mod suits;
#[cfg(test)]
mod tests;

use std::path::Path;

use steeple_lifecycle::files;

pub(crate) use error::DiskError;
pub(crate) use file::Content;

use crate::config::X509Files;
use generation::Store;

/// How the files were published in the end.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Published {
    /// As one generation behind one link.
    Generation,
    /// One by one, and why.
    Plain(&'static str),
}

/// Publishes key, certificate and bundle together: as one generation if the setting, the file
/// system and what is there already allow it, else one by one. Blocks.
pub(crate) fn publish(
    files: &X509Files,
    svid: &[u8],
    key: &[u8],
    bundle: &[u8],
) -> Result<Published, DiskError> {
    // In the order in which they become visible one by one.
    let contents = [
        Content::new(&files.key, key, files.key_mode),
        Content::new(&files.svid, svid, files.cert_mode),
        Content::new(&files.bundle, bundle, files.cert_mode),
    ];
    let why = match suits::why_plain(files) {
        None => match Store::beside(&files.svid).publish(&contents) {
            Err(DiskError::NoLinks) => "the file system has no symbolic links",
            done => return done.map(|()| Published::Generation),
        },
        Some(why) => why,
    };
    plain::publish(&contents, &Store::beside(&files.svid))?;
    Ok(Published::Plain(why))
}

/// Writes a file that belongs to no others. Blocks.
pub(crate) fn write(path: &Path, content: &[u8], mode: u32) -> Result<(), DiskError> {
    Ok(files::write(&plain::target(path), content, mode)?)
}
