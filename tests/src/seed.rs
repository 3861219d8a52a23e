//! The blog posts whose commands and configurations must work as printed.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result, anyhow};

use crate::programs::project_dir;

/// The text of one seed.
#[derive(Debug)]
pub struct Seed {
    text: String,
}

impl Seed {
    /// Where the seed with this number (`002`) lies, if the shared folder is there.
    #[must_use]
    pub fn find(number: &str) -> Option<PathBuf> {
        let shared = std::env::var_os("STEEPLE_SHARED")
            .map_or_else(|| project_dir().join("../shared"), PathBuf::from);
        let files = fs::read_dir(shared.join("seeds")).ok()?;
        files
            .flatten()
            .find(|file| file.file_name().to_string_lossy().starts_with(number))
            .map(|file| file.path())
    }

    /// Reads the seed with this number.
    ///
    /// # Errors
    ///
    /// When it is absent or cannot be read.
    pub fn read(number: &str) -> Result<Self> {
        let path = Self::find(number).ok_or_else(|| anyhow!("seed {number} is not there"))?;
        let text =
            fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        Ok(Self { text })
    }

    /// The fenced block that contains `needle` and starts with `start`.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn block(&self, start: &str, needle: &str) -> Result<&str> {
        self.text
            .split("\n```")
            .skip(1)
            .step_by(2)
            .filter_map(|block| block.split_once('\n').map(|(_, body)| body))
            .find(|body| body.trim_start().starts_with(start) && body.contains(needle))
            .ok_or_else(|| anyhow!("the seed has no block {start:?} with {needle:?}"))
    }
}
