//! `agent-data.json`: what the agent keeps from one start to the next, in SPIRE's form.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use steeple_lifecycle::files;
use steeple_spiffe::pem;

const FILE: &str = "agent-data.json";
/// How Go writes the time that is none.
const NO_TIME: &str = "0001-01-01T00:00:00Z";
/// The bundle in the file has been proven right by use.
const BOOTSTRAPPED: i64 = 2;

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// It is there but cannot be read.
    #[error("failed to open storage: failed to read {path:?}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is no such file; it is left as it is.
    #[error(
        "failed to open storage: {path:?} is damaged: {reason}; restore it, or move it away to have the agent attest anew"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// It cannot be written.
    #[error("failed to write data file: {0}")]
    Write(#[from] files::WriteError),
    /// Its content has no JSON form.
    #[error("failed to write data file: {0}")]
    Encode(serde_json::Error),
}

/// The file's fields, in its order.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Json {
    #[serde(default)]
    svid: Option<Vec<String>>,
    #[serde(default)]
    bundle: Option<Vec<String>>,
    #[serde(default)]
    reattestable: bool,
    #[serde(default)]
    bootstrap_use: i64,
    #[serde(default = "no_time")]
    bootstrap_start_time: String,
    #[serde(default)]
    connection_attempts: i64,
}

fn no_time() -> String {
    NO_TIME.to_owned()
}

#[derive(Clone, Debug, Default)]
struct Content {
    svid: Vec<Vec<u8>>,
    bundle: Vec<Vec<u8>>,
    reattestable: bool,
    bootstrap_use: i64,
}

/// The agent's data file. Each change is on disk before the call returns.
#[derive(Clone, Debug)]
pub struct AgentData {
    path: PathBuf,
    content: Arc<Mutex<Content>>,
    /// Keeps writes in the order of the changes.
    writing: Arc<tokio::sync::Mutex<()>>,
}

impl AgentData {
    /// Reads the file in `dir`, or starts empty when there is none.
    ///
    /// # Errors
    /// When it cannot be read or understood.
    pub fn open(dir: &Path) -> Result<Self, DataError> {
        let path = dir.join(FILE);
        let content = match fs::read(&path) {
            Ok(text) => Content::read(&text).map_err(|reason| DataError::Damaged {
                path: path.clone(),
                reason,
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Content::default(),
            Err(source) => return Err(DataError::Read { path, source }),
        };
        Ok(Self {
            path,
            content: Arc::new(Mutex::new(content)),
            writing: Arc::default(),
        })
    }

    /// The agent's certificates, DER, leaf first, and whether the node may attest again; none
    /// before the first attestation.
    pub fn svid(&self) -> Option<(Vec<Vec<u8>>, bool)> {
        let content = self.lock();
        let svid = Some(content.svid.clone()).filter(|svid| !svid.is_empty())?;
        Some((svid, content.reattestable))
    }

    /// The last known X.509 roots of the trust domain, DER.
    pub fn bundle(&self) -> Option<Vec<Vec<u8>>> {
        Some(self.lock().bundle.clone()).filter(|bundle| !bundle.is_empty())
    }

    /// Keeps certificates and roots that belong together.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn store(
        &self,
        svid: Vec<Vec<u8>>,
        reattestable: bool,
        bundle: Vec<Vec<u8>>,
    ) -> Result<(), DataError> {
        self.change(|content| {
            *content = Content {
                svid,
                bundle,
                reattestable,
                bootstrap_use: BOOTSTRAPPED,
            };
        })
        .await
    }

    /// Keeps certificates.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn store_svid(
        &self,
        svid: Vec<Vec<u8>>,
        reattestable: bool,
    ) -> Result<(), DataError> {
        self.change(|content| {
            content.svid = svid;
            content.reattestable = reattestable;
        })
        .await
    }

    /// Gives up the certificates; the next start attests anew.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn delete_svid(&self) -> Result<(), DataError> {
        self.store_svid(Vec::new(), false).await
    }

    /// Keeps roots.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn store_bundle(&self, bundle: Vec<Vec<u8>>) -> Result<(), DataError> {
        if self.lock().bundle == bundle {
            return Ok(());
        }
        self.change(|content| content.bundle = bundle).await
    }

    async fn change(&self, change: impl FnOnce(&mut Content)) -> Result<(), DataError> {
        let _writing = self.writing.lock().await;
        let mut content = self.lock().clone();
        change(&mut content);
        let text = content.write()?;
        files::write_async(self.path.clone(), text, 0o600).await?;
        *self.lock() = content;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Content {
    fn read(text: &[u8]) -> Result<Self, String> {
        // Through a map: a list would pass for the fields in order.
        let json: Map<String, Value> =
            serde_json::from_slice(text).map_err(|error| error.to_string())?;
        let json: Json = serde_json::from_value(json.into()).map_err(|error| error.to_string())?;
        Ok(Self {
            svid: certificates("svid", json.svid)?,
            bundle: certificates("bundle", json.bundle)?,
            reattestable: json.reattestable,
            bootstrap_use: json.bootstrap_use,
        })
    }

    fn write(&self) -> Result<Vec<u8>, DataError> {
        let coded = |certificates: &[Vec<u8>]| {
            let coded = |der| STANDARD.encode(pem::certificates_to_pem(std::slice::from_ref(der)));
            // Go writes a list that was never made as null, and reads both.
            (!certificates.is_empty()).then(|| certificates.iter().map(coded).collect())
        };
        let json = Json {
            svid: coded(&self.svid),
            bundle: coded(&self.bundle),
            reattestable: self.reattestable,
            bootstrap_use: self.bootstrap_use,
            bootstrap_start_time: no_time(),
            connection_attempts: 0,
        };
        serde_json::to_vec(&json).map_err(DataError::Encode)
    }
}

/// Certificates as the file has them: base64 of PEM.
fn certificates(field: &str, coded: Option<Vec<String>>) -> Result<Vec<Vec<u8>>, String> {
    let mut certificates = Vec::new();
    for coded in coded.unwrap_or_default() {
        let text = STANDARD
            .decode(coded)
            .map_err(|error| format!("{field}: {error}"))?;
        let read =
            pem::certificates_from_pem(&text).map_err(|error| format!("{field}: {error}"))?;
        certificates.extend(read);
    }
    Ok(certificates)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn certificate() -> Vec<u8> {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    #[tokio::test]
    async fn what_was_kept_is_there_after_a_restart_and_only_for_us() {
        let dir = tempfile::tempdir().unwrap();
        let der = certificate();
        let data = AgentData::open(dir.path()).unwrap();
        assert_eq!((data.svid(), data.bundle()), (None, None));
        data.store(vec![der.clone()], true, vec![der.clone(), der.clone()])
            .await
            .unwrap();

        let data = AgentData::open(dir.path()).unwrap();
        assert_eq!(data.svid(), Some((vec![der.clone()], true)));
        assert_eq!(data.bundle().unwrap().len(), 2);
        data.delete_svid().await.unwrap();
        let data = AgentData::open(dir.path()).unwrap();
        assert_eq!(data.svid(), None);
        assert!(data.bundle().is_some());
        let mode = fs::metadata(dir.path().join(FILE))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[tokio::test]
    async fn the_form_is_spires() {
        let der = certificate();
        let dir = tempfile::tempdir().unwrap();
        let data = AgentData::open(dir.path()).unwrap();
        data.store(vec![der.clone()], false, vec![der.clone()])
            .await
            .unwrap();
        let text = fs::read_to_string(dir.path().join(FILE)).unwrap();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        let pem = STANDARD.decode(json["svid"][0].as_str().unwrap()).unwrap();
        assert!(pem.starts_with(b"-----BEGIN CERTIFICATE-----\n"));
        assert_eq!(json["bootstrap_start_time"], NO_TIME);
        assert_eq!(json["bootstrap_use"], 2);
        assert!(text.starts_with("{\"svid\":["), "in SPIRE's order");
    }

    #[test]
    fn a_damaged_file_is_refused_and_left_alone() {
        for text in ["", "{", "{\"svid\":[\"*\"]}", "{\"svid\":[\"QUJD\"]}", "[]"] {
            let dir = tempfile::tempdir().unwrap();
            fs::write(dir.path().join(FILE), text).unwrap();
            let error = AgentData::open(dir.path()).unwrap_err();
            assert!(
                matches!(error, DataError::Damaged { .. }),
                "{text}: {error}"
            );
            assert_eq!(fs::read_to_string(dir.path().join(FILE)).unwrap(), text);
        }
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(FILE), "{\"svid\":null,\"bundle\":null}").unwrap();
        assert!(AgentData::open(dir.path()).unwrap().svid().is_none());
    }
}
