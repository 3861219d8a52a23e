//! KeyManager `disk`: all keys in one JSON file, in SPIRE's format.

mod file;

use std::{path::PathBuf, sync::Arc};

use steeple_lifecycle::files;
use steeple_plugin_sdk::{
    PluginError,
    builtin::Configured,
    config::{CoreConfig, PluginData},
    keymanager::KeyManager,
};

use self::file::KeyFile;
use super::keyring::Keyring;

/// Opens the key file at `path`; one that is not there yet is made with the first key.
///
/// # Errors
/// When the file is there but cannot be read or used. It is not touched.
pub async fn open(path: PathBuf) -> Result<Arc<dyn KeyManager>, PluginError> {
    let file = KeyFile::new(path);
    let reader = file.clone();
    let keys = tokio::task::spawn_blocking(move || reader.read())
        .await
        .map_err(|lost| PluginError::Internal(format!("reading the keys was lost: {lost}")))??;
    Ok(Arc::new(Keyring::new(keys, file)))
}

/// Reads `keys_path`.
pub fn configure_for_server(
    _: &CoreConfig,
    data: &PluginData<'_>,
) -> Option<Configured<dyn KeyManager>> {
    let path = required(data, "keys_path")?;
    Some(Configured::new(open(path.into())))
}

/// Reads `directory`; the keys are in `keys.json` there.
pub fn configure_for_agent(
    _: &CoreConfig,
    data: &PluginData<'_>,
) -> Option<Configured<dyn KeyManager>> {
    let directory = PathBuf::from(required(data, "directory")?);
    Some(Configured::new(async move {
        let folder = directory.clone();
        tokio::task::spawn_blocking(move || check_folder(&folder))
            .await
            .map_err(|lost| {
                PluginError::Internal(format!("checking a folder was lost: {lost}"))
            })??;
        open(directory.join("keys.json")).await
    }))
}

fn required(data: &PluginData<'_>, key: &str) -> Option<String> {
    if !data.has(key) {
        data.missing(key);
        return None;
    }
    let value = data.string(key)?;
    if value.is_empty() {
        data.problem(key, "must not be empty");
        return None;
    }
    Some(value)
}

/// Makes the folder if it is missing, and tries whether files can be made in it: better now than
/// at the first rotation.
fn check_folder(folder: &std::path::Path) -> Result<(), PluginError> {
    let failed = |error: std::io::Error| {
        PluginError::FailedPrecondition(format!(
            "directory validation failed: {}: {error}",
            folder.display()
        ))
    };
    files::create_folder(folder, 0o700).map_err(failed)?;
    tempfile::Builder::new()
        .prefix(".probe-")
        .tempfile_in(folder)
        .map(drop)
        .map_err(failed)
}

#[cfg(test)]
mod tests;
