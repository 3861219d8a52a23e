//! Fetched SVIDs as files.

use std::{
    io,
    path::{Component, Path, PathBuf},
};

use steeple_lifecycle::files::write;
use steeple_spiffe::{
    pem::{certificates_to_pem, private_key_to_pem},
    x509::CertificateInfo,
};

use super::svid::FetchedSvid;
use crate::{env::Env, error::CommandError};

/// For everybody to read.
const PUBLIC: u32 = 0o644;
/// For the owner alone.
const PRIVATE: u32 = 0o600;

/// Writes each SVID, its key and its bundles into `folder`, and says so.
pub(crate) fn svids(
    env: &mut Env,
    folder: &str,
    svids: &[FetchedSvid],
) -> Result<(), CommandError> {
    for (number, svid) in svids.iter().enumerate() {
        let path = join(folder, &format!("svid.{number}.pem"));
        announce(env, &format!("SVID #{number}"), &path)?;
        write(&path, pem(&svid.certificates).as_bytes(), PUBLIC)?;

        let path = join(folder, &format!("svid.{number}.key"));
        announce(env, &format!("key #{number}"), &path)?;
        write(&path, private_key_to_pem(&svid.key).as_bytes(), PRIVATE)?;

        let path = join(folder, &format!("bundle.{number}.pem"));
        announce(env, &format!("bundle #{number}"), &path)?;
        write(&path, pem(&svid.bundle).as_bytes(), PUBLIC)?;

        for (at, (domain, bundle)) in svid.federated.iter().enumerate() {
            let path = join(folder, &format!("federated_bundle.{number}.{at}.pem"));
            announce(
                env,
                &format!("federated bundle #{at} for trust domain {domain}"),
                &path,
            )?;
            write(&path, pem(bundle).as_bytes(), PUBLIC)?;
        }
    }
    Ok(())
}

fn announce(env: &mut Env, what: &str, path: &Path) -> io::Result<()> {
    env.print(&format!("Writing {what} to file {}.", path.display()))
}

fn pem(certificates: &[CertificateInfo]) -> String {
    let ders: Vec<&[u8]> = certificates.iter().map(|one| one.der.as_slice()).collect();
    certificates_to_pem(&ders)
}

/// Joins and tidies a path by its text alone, as Go's `path.Join` does.
fn join(folder: &str, name: &str) -> PathBuf {
    let mut tidy = PathBuf::new();
    for part in Path::new(folder).join(name).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(tidy.components().next_back(), Some(Component::Normal(_))) =>
            {
                tidy.pop();
            }
            Component::ParentDir if tidy.has_root() => {}
            other => tidy.push(other),
        }
    }
    tidy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_tidied() {
        for (folder, joined) in [
            ("/tmp/", "/tmp/f"),
            ("/tmp//x/../y/.", "/tmp/y/f"),
            (".", "f"),
            ("./a", "a/f"),
            ("../a", "../a/f"),
            ("/..", "/f"),
        ] {
            assert_eq!(join(folder, "f"), Path::new(joined), "{folder}");
        }
    }
}
