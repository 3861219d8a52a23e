//! Whether the three files can be names that are links.

use std::{fs, os::unix::fs::MetadataExt as _};

use nix::unistd::geteuid;

use super::{
    file::folder_of,
    generation::{Store, is_link},
};
use crate::config::{Layout, X509Files};

/// Anybody may make names here, and only their owner may take them away: `/tmp`.
const SHARED: u32 = 0o1002;

/// Why they must be plain files; none when they need not be.
pub(super) fn why_plain(files: &X509Files) -> Option<&'static str> {
    let X509Files {
        svid, key, bundle, ..
    } = files;
    if files.layout == Layout::Plain {
        return Some("file_layout asks for it");
    }
    let folder = folder_of(svid);
    if folder_of(key) != folder || folder_of(bundle) != folder {
        return Some("the files lie in different folders");
    }
    if svid == key || svid == bundle || key == bundle {
        return Some("two of the files have the same name");
    }
    let store = Store::beside(svid);
    if [svid, key, bundle]
        .into_iter()
        .any(|path| is_link(path) && !store.owns(path))
    {
        return Some("one of the files is a symbolic link to somewhere else");
    }
    // Where the kernel protects links (fs.protected_symlinks), other users, root among them, may
    // not follow ours out of such a folder.
    let shared = fs::metadata(folder)
        .is_ok_and(|folder| folder.mode() & SHARED == SHARED && folder.uid() != geteuid().as_raw());
    shared.then_some("other users could not follow links in a shared folder such as /tmp")
}
