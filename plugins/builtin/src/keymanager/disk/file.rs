//! The key file: `{"keys": {"<id>": "<base64 of PKCS#8 DER>"}}`, indented by tabs.

use std::{borrow::Cow, collections::BTreeMap, fs, io, path::PathBuf, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use steeple_lifecycle::files;
use steeple_plugin_sdk::PluginError;
use steeple_spiffe::key::PrivateKey;
use zeroize::Zeroizing;

use crate::keymanager::keyring::{Keys, Persist, describe};

/// Only its owner may read it.
const MODE: u32 = 0o600;

#[derive(Clone, Debug)]
pub(super) struct KeyFile {
    path: PathBuf,
}

#[derive(Deserialize)]
struct Content<'a> {
    #[serde(borrow, default)]
    keys: Option<BTreeMap<String, Cow<'a, str>>>,
}

impl KeyFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// The keys in the file; none when it is not there.
    pub(super) fn read(&self) -> Result<Keys, PluginError> {
        let json = match fs::read(&self.path) {
            Ok(json) => Zeroizing::new(json),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Keys::new()),
            Err(error) => {
                let path = self.path.display();
                return Err(PluginError::Internal(format!(
                    "unable to read keys {path}: {error}"
                )));
            }
        };
        let content: Content<'_> = serde_json::from_slice(&json)
            .map_err(|error| self.unusable(&format!("unable to decode keys JSON: {error}")))?;
        let keys = content.keys.unwrap_or_default();
        keys.into_iter()
            .map(|(id, text)| Ok((id.clone(), self.key(&id, &text)?)))
            .collect()
    }

    fn key(&self, id: &str, text: &str) -> Result<Arc<PrivateKey>, PluginError> {
        let bad = |reason: String| self.unusable(&format!("unable to parse key {id:?}: {reason}"));
        let der = STANDARD
            .decode(text)
            .map(Zeroizing::new)
            .map_err(|e| bad(e.to_string()))?;
        let key = PrivateKey::from_der(&der).map_err(|e| bad(e.to_string()))?;
        describe(id, &key).map_err(|e| bad(e.to_string()))?;
        Ok(Arc::new(key))
    }

    fn unusable(&self, reason: &str) -> PluginError {
        PluginError::Internal(format!(
            "{reason} (file {}; it has not been changed: restore it from a copy, or move it away \
             to start with new keys)",
            self.path.display()
        ))
    }
}

impl Persist for KeyFile {
    fn write(&self, keys: &Keys) -> Result<(), PluginError> {
        let failed = |error: String| {
            PluginError::Internal(format!(
                "failed to generate key: unable to write entries: {error}"
            ))
        };
        let text = encode(keys).map_err(|error| failed(error.to_string()))?;
        files::write(&self.path, text.as_bytes(), MODE).map_err(|error| failed(error.to_string()))
    }
}

/// As Go's `MarshalIndent` writes it. Done by hand in one buffer that does not grow, so that no
/// copies of keys are left behind.
fn encode(keys: &Keys) -> Result<Zeroizing<String>, serde_json::Error> {
    let base64_len = |key: &PrivateKey| key.pkcs8_der().len() / 3 * 4 + 4;
    let room = keys
        .iter()
        .map(|(id, key)| 6 * id.len() + base64_len(key) + 16)
        .sum::<usize>();
    let mut out = Zeroizing::new(String::with_capacity(room + 32));
    out.push_str("{\n\t\"keys\": {");
    for (at, (id, key)) in keys.iter().enumerate() {
        out.push_str(if at == 0 { "\n\t\t" } else { ",\n\t\t" });
        out.push_str(&serde_json::to_string(id)?);
        out.push_str(": \"");
        STANDARD.encode_string(key.pkcs8_der(), &mut out);
        out.push('"');
    }
    out.push_str(if keys.is_empty() { "}\n}" } else { "\n\t}\n}" });
    Ok(out)
}
