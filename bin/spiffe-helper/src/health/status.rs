//! The state of every file.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use serde::Serialize;

use crate::config::Config;

/// What became of a file.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Write {
    /// Nothing has come for it yet.
    #[default]
    Unwritten,
    /// The last attempt to write it failed.
    Failed,
    /// What came last is in it.
    Written,
}

#[derive(Clone, Debug, Default)]
struct File {
    write: Write,
    expires_at: Option<Timestamp>,
    error: Option<String>,
}

/// Which file, or files, something is said about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Tracked {
    /// The three X.509 files.
    X509,
    /// The file of JWT bundles, or of a JWT-SVID.
    Jwt(String),
}

impl Tracked {
    /// The JWT file at `path`.
    pub(crate) fn jwt(path: &Path) -> Self {
        Self::Jwt(path.display().to_string())
    }
}

/// The state of every file. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Status(Arc<Mutex<Files>>);

#[derive(Debug)]
struct Files {
    x509: Option<File>,
    jwt: BTreeMap<String, File>,
}

impl Status {
    /// Nothing is written yet.
    pub(crate) fn new(config: &Config) -> Self {
        let bundle = config.jwt_bundle.iter().map(|file| &file.path);
        let svids = config.jwt_svids.iter().map(|file| &file.path);
        let jwt = bundle.chain(svids);
        Self(Arc::new(Mutex::new(Files {
            x509: config.x509.as_ref().map(|_| File::default()),
            jwt: jwt
                .map(|path| (path.display().to_string(), File::default()))
                .collect(),
        })))
    }

    /// What came last is on disk and holds until `expires_at`.
    pub(crate) fn written(&self, what: &Tracked, expires_at: Option<Timestamp>) {
        self.change(what, |file| {
            *file = File {
                write: Write::Written,
                expires_at,
                error: None,
            };
        });
    }

    /// It could not be written.
    pub(crate) fn failed(&self, what: &Tracked, error: &str) {
        self.change(what, |file| {
            file.write = Write::Failed;
            file.error = Some(error.to_owned());
        });
    }

    /// Nothing could be fetched for it. What is written stays written.
    pub(crate) fn unfetched(&self, what: &Tracked, error: &str) {
        self.change(what, |file| file.error = Some(error.to_owned()));
    }

    /// The liveness page: bad when a file could not be written.
    pub(crate) fn live(&self, now: Timestamp) -> (bool, String) {
        let files = self.lock();
        let live = files.all().all(|file| file.write != Write::Failed);
        (live, page(live, &files, now))
    }

    /// The readiness page: good when every file is written and none has expired.
    pub(crate) fn ready(&self, now: Timestamp) -> (bool, String) {
        let files = self.lock();
        let ready = files
            .all()
            .all(|file| file.write == Write::Written && !file.is_stale(now));
        (ready, page(ready, &files, now))
    }

    fn change(&self, what: &Tracked, change: impl FnOnce(&mut File)) {
        let mut files = self.lock();
        let file = match what {
            Tracked::X509 => files.x509.as_mut(),
            Tracked::Jwt(path) => files.jwt.get_mut(path),
        };
        if let Some(file) = file {
            change(file);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Files> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Files {
    fn all(&self) -> impl Iterator<Item = &File> {
        self.x509.iter().chain(self.jwt.values())
    }
}

impl File {
    fn is_stale(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|expires_at| expires_at <= now)
    }
}

/// Upstream's page, with `files` added.
#[derive(Serialize)]
struct Page<'f> {
    status: &'static str,
    health: PageHealth<'f>,
}

#[derive(Serialize)]
struct PageHealth<'f> {
    file_write_statuses: Writes<'f>,
    files: BTreeMap<&'f str, Details<'f>>,
}

#[derive(Serialize)]
struct Writes<'f> {
    #[serde(skip_serializing_if = "Option::is_none")]
    x509_write_status: Option<Write>,
    jwt_write_status: BTreeMap<&'f str, Write>,
}

#[derive(Serialize)]
struct Details<'f> {
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    stale: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'f str>,
}

fn page(good: bool, files: &Files, now: Timestamp) -> String {
    let x509 = files.x509.iter().map(|file| ("x509", file));
    let jwt = files.jwt.iter().map(|(path, file)| (path.as_str(), file));
    let page = Page {
        status: if good { "OK" } else { "Service Unavailable" },
        health: PageHealth {
            file_write_statuses: Writes {
                x509_write_status: files.x509.as_ref().map(|file| file.write),
                jwt_write_status: jwt.clone().map(|(path, file)| (path, file.write)).collect(),
            },
            files: x509
                .chain(jwt)
                .map(|(name, file)| (name, details(file, now)))
                .collect(),
        },
    };
    // Strings and numbers always have a JSON form.
    serde_json::to_string(&page).unwrap_or_default()
}

fn details(file: &File, now: Timestamp) -> Details<'_> {
    Details {
        expires_at: file.expires_at.map(|time| time.to_string()),
        stale: file.is_stale(now),
        error: file.error.as_deref(),
    }
}

#[cfg(test)]
mod tests;
