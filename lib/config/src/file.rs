//! Finding and reading the file.

use std::path::{Path, PathBuf};

use steeple_hcl::Document;

use crate::{ConfigErrors, expand_env};

/// Reads a configuration file, replacing variables of the environment if `expand` says so.
///
/// # Errors
/// When it is missing, unreadable, or neither HCL nor JSON.
pub fn read(path: &Path, expand: bool) -> Result<Document, ConfigErrors> {
    let bytes = std::fs::read(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => ConfigErrors::NotFound(absolute(path)),
        _ => ConfigErrors::Unreadable {
            path: path.to_owned(),
            source,
        },
    })?;
    let bytes = match String::from_utf8(bytes) {
        Ok(text) if expand => expand_env(&text, variable).into_bytes(),
        Ok(text) => text.into_bytes(),
        Err(error) => error.into_bytes(),
    };
    let name = path.display().to_string();
    steeple_hcl::parse_bytes(&name, &bytes).map_err(|source| ConfigErrors::Syntax {
        path: path.to_owned(),
        source,
    })
}

fn variable(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

/// The path from the root on, seen from the current directory.
pub fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
