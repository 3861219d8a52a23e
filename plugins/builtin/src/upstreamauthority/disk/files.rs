//! The files of an upstream CA.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use steeple_plugin_sdk::{
    config::CoreConfig,
    upstreamauthority::held::{Document, DocumentError, Documents, HeldCa},
};
use zeroize::Zeroizing;

/// Where the files are.
#[derive(Clone, Debug)]
pub(super) struct Paths {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
    pub(super) bundle: Option<PathBuf>,
}

/// Why the files are of no use.
#[derive(Debug, thiserror::Error)]
pub(super) enum FilesError {
    #[error("unable to load upstream CA {what} {}: {source}", path.display())]
    Read {
        what: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error(transparent)]
    Document(#[from] DocumentError),
}

impl Paths {
    /// Reads the files and checks that key, certificate and bundle belong together.
    pub(super) fn load(&self, core: &CoreConfig) -> Result<HeldCa, FilesError> {
        let key = Zeroizing::new(read("key", &self.key)?);
        let certificate = read("cert", &self.certificate)?;
        let bundle = self.bundle.as_deref();
        let roots = bundle.map(|path| read("bundle", path)).transpose()?;
        let names = [
            self.certificate.display().to_string(),
            self.key.display().to_string(),
            bundle
                .map(|path| path.display().to_string())
                .unwrap_or_default(),
        ];
        let [certificate_name, key_name, bundle_name] = &names;
        let documents = Documents {
            certificate: document(certificate_name, &certificate),
            key: document(key_name, &key),
            bundle: roots.as_deref().map(|pem| document(bundle_name, pem)),
            bundle_setting: "bundle_file_path",
        };
        Ok(HeldCa::read(&documents, core)?)
    }
}

fn document<'a>(name: &'a str, pem: &'a [u8]) -> Document<'a> {
    Document { name, pem }
}

fn read(what: &'static str, path: &Path) -> Result<Vec<u8>, FilesError> {
    fs::read(path).map_err(|source| FilesError::Read {
        what,
        path: path.to_owned(),
        source,
    })
}
