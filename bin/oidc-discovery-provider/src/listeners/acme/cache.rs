//! What outlives the process, in the files of Go's autocert, so that a folder that SPIRE's provider
//! filled is used on, and the other way round.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::PathBuf,
};

use steeple_lifecycle::files;
use steeple_spiffe::pem::private_key_to_pem;

use super::AcmeError;

const ACCOUNT: &str = "acme_account+key";

/// The folder, if there is one.
#[derive(Clone, Debug)]
pub(super) struct Cache(Option<PathBuf>);

impl Cache {
    pub(super) fn new(folder: Option<PathBuf>) -> Self {
        Self(folder)
    }

    /// The account's key, PEM.
    pub(super) fn account_key(&self) -> Result<Option<Vec<u8>>, AcmeError> {
        self.get(ACCOUNT)
    }

    /// Keeps the account's key, given as PKCS#8.
    pub(super) fn keep_account_key(&self, der: &[u8]) -> Result<(), AcmeError> {
        self.put(ACCOUNT, private_key_to_pem(der).as_bytes())
    }

    /// The key and the chain for a name, PEM.
    pub(super) fn certificate(&self, domain: &str) -> Result<Option<Vec<u8>>, AcmeError> {
        self.get(domain)
    }

    /// Keeps key and chain for a name.
    pub(super) fn keep_certificate(&self, domain: &str, pem: &[u8]) -> Result<(), AcmeError> {
        self.put(domain, pem)
    }

    fn get(&self, name: &str) -> Result<Option<Vec<u8>>, AcmeError> {
        let Some(folder) = &self.0 else {
            return Ok(None);
        };
        let path = folder.join(name);
        match fs::read(&path) {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => {
                let text = format!("could not read {}: {error}", path.display());
                Err(AcmeError::Cache(text))
            }
        }
    }

    fn put(&self, name: &str, content: &[u8]) -> Result<(), AcmeError> {
        let Some(folder) = &self.0 else {
            return Ok(());
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|error| {
                AcmeError::Cache(format!("could not create {}: {error}", folder.display()))
            })?;
        files::write(&folder.join(name), content, 0o600)
            .map_err(|error| AcmeError::Cache(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_is_kept_comes_back_and_is_private() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("new/cache");
        let cache = Cache::new(Some(folder.clone()));
        assert_eq!(cache.certificate("a.test").unwrap(), None);
        cache.keep_certificate("a.test", b"pem").unwrap();
        assert_eq!(cache.certificate("a.test").unwrap().unwrap(), b"pem");
        let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(folder.join("a.test")), 0o600);
        assert_eq!(mode(folder), 0o700);
    }

    #[test]
    fn without_a_folder_nothing_is_kept() {
        let cache = Cache::new(None);
        cache.keep_certificate("a.test", b"pem").unwrap();
        assert_eq!(cache.certificate("a.test").unwrap(), None);
    }
}
