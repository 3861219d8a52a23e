//! Certificate, key and chain in files that another program may be writing this very moment.
//!
//! All files are read together, and certificate and key must be a pair. What does not fit together
//! a moment after it was written is read again; what stays broken does not replace what was good.

use std::{
    fs,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use steeple_lifecycle::Clock;

use super::{
    Identity, IdentityError, KeyError, PrivateKey,
    password::Password,
    pem::{self, PemError, StoredKey},
    pkcs12,
};
use crate::log::Log;

/// What the chain's file is called in errors.
pub(super) const INTERMEDIATES: &str = "intermediates";
/// How often files that were just written are read again, and how long apart.
const READS: usize = 10;
const PAUSE: Duration = Duration::from_millis(100);
/// How long after it was written a file may be half of a new pair.
const FRESH: Duration = Duration::from_secs(2);

/// Where the parts lie.
#[derive(Clone, Debug)]
pub(crate) struct Paths {
    pub(crate) certificate: String,
    /// By default the certificate's file.
    pub(crate) key: Option<String>,
    pub(crate) intermediates: Option<String>,
}

/// Files, and what was last read from them.
#[derive(Debug)]
pub(crate) struct Files {
    paths: Paths,
    password: Password,
    clock: Clock,
    log: Log,
    good: Mutex<Option<Arc<Identity>>>,
}

impl Files {
    /// Nothing is read yet.
    pub(crate) fn new(paths: Paths, password: Password, clock: Clock, log: Log) -> Self {
        Self {
            paths,
            password,
            clock,
            log,
            good: Mutex::new(None),
        }
    }

    /// What the files hold now; the last good one while they hold nothing that can be used.
    ///
    /// # Errors
    /// When they do not, and never did, or what was good has expired.
    pub(crate) async fn identity(&self) -> Result<Arc<Identity>, IdentityError> {
        let mut reads = 1;
        let error = loop {
            match self.read(self.paths.intermediates.as_deref()) {
                Ok(identity) => return Ok(self.keep(identity)),
                Err(error) if reads == READS || !self.fresh() => break error,
                Err(_) => reads += 1,
            }
            tokio::time::sleep(PAUSE).await;
        };
        if let Some(good) = self.last_good() {
            let until = good.leaf.not_after;
            self.log.line(format_args!(
                "{error}; using the certificate read before, valid until {until}"
            ));
            return Ok(good);
        }
        if error.is_chain() {
            self.log.line(format_args!("{error}; going on without"));
            return self.read(None).map(Arc::new);
        }
        Err(error)
    }

    fn keep(&self, identity: Identity) -> Arc<Identity> {
        let identity = Arc::new(identity);
        *self.good.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&identity));
        identity
    }

    fn last_good(&self) -> Option<Arc<Identity>> {
        let good = self.good.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        good.clone().filter(|good| good.leaf.not_after > now)
    }

    /// Whether any of the files was written a moment ago.
    fn fresh(&self) -> bool {
        let now = SystemTime::from(self.clock.now());
        let Paths {
            certificate,
            key,
            intermediates,
        } = &self.paths;
        [Some(certificate), key.as_ref(), intermediates.as_ref()]
            .into_iter()
            .flatten()
            .filter_map(|path| fs::metadata(path).and_then(|file| file.modified()).ok())
            .any(|written| now.duration_since(written).unwrap_or_default() < FRESH)
    }

    fn read(&self, intermediates: Option<&str>) -> Result<Identity, IdentityError> {
        let Paths {
            certificate, key, ..
        } = &self.paths;
        let file = read("certificate", certificate)?;
        if key.is_none() && !file.is_empty() && !pem::is_pem(&file) {
            return self.read_pkcs12(&file);
        }
        let in_file = |source| pem_error("certificate", certificate, source);
        let mut certificates = pem::certificates(&file).map_err(in_file)?.into_iter();
        let leaf = certificates
            .next()
            .ok_or(in_file(PemError::NoCertificate))?;
        let chain = match intermediates {
            Some(path) => pem::only_certificates(&read(INTERMEDIATES, path)?)
                .map_err(|source| pem_error(INTERMEDIATES, path, source))?,
            None => certificates.collect(),
        };
        let path = key.as_ref().unwrap_or(certificate);
        let stored = match key {
            Some(path) => pem::private_key(&read("private key", path)?),
            None => pem::private_key(&file),
        };
        let stored = stored.map_err(|source| pem_error("private key", path, source))?;
        let key = self.open(stored, path)?;
        Identity::new(&leaf, chain, key, (certificate, path))
    }

    fn open(&self, stored: StoredKey, path: &str) -> Result<PrivateKey, IdentityError> {
        let der = match stored {
            StoredKey::Plain(der) => der,
            StoredKey::Encrypted(der) => {
                let decrypted = self.password.decrypt(&der);
                decrypted.map_err(|reason| IdentityError::Password {
                    path: path.to_owned(),
                    reason,
                })?
            }
        };
        let key = PrivateKey::from_der(&der);
        key.map_err(|source: KeyError| IdentityError::Key {
            path: path.to_owned(),
            source,
        })
    }

    fn read_pkcs12(&self, file: &[u8]) -> Result<Identity, IdentityError> {
        let path = &self.paths.certificate;
        let password = self.password.known();
        let password = password.as_ref().map_or("", |text| text.as_str());
        let contents = pkcs12::open(file, password).map_err(|reason| IdentityError::Pkcs12 {
            path: path.clone(),
            reason,
        })?;
        let pkcs12::Contents { leaf, chain, key } = contents;
        Identity::new(&leaf, chain, key, (path, path))
    }

    /// Reads the key alone: what signs a string needs no certificate.
    ///
    /// # Errors
    /// When there is none that can be used.
    pub(crate) fn key_alone(&self) -> Result<PrivateKey, IdentityError> {
        let path = self.paths.key.as_ref().unwrap_or(&self.paths.certificate);
        let file = read("private key", path)?;
        if !file.is_empty() && !pem::is_pem(&file) {
            return self.read_pkcs12(&file).map(|identity| identity.key);
        }
        let stored = pem::private_key(&file);
        self.open(
            stored.map_err(|source| pem_error("private key", path, source))?,
            path,
        )
    }
}

/// Reads a file, saying what it is for when that fails.
pub(super) fn read(what: &'static str, path: &str) -> Result<Vec<u8>, IdentityError> {
    fs::read(path).map_err(|error| IdentityError::Read {
        what,
        path: path.to_owned(),
        reason: error.to_string(),
    })
}

/// Says what a PEM file is for when it cannot be used.
pub(super) fn pem_error(what: &'static str, path: &str, source: PemError) -> IdentityError {
    IdentityError::Pem {
        what,
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
