//! Which binaries a case drives.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

/// A pair of server and agent programs in one folder.
#[derive(Clone, Debug)]
pub struct Programs {
    /// For messages: `ours` or `stock`.
    pub name: &'static str,
    folder: PathBuf,
}

impl Programs {
    /// The programs of this project.
    ///
    /// # Errors
    ///
    /// When they are not built: cargo does not build another package's programs for a test.
    pub fn ours() -> Result<Self> {
        let folder = match std::env::var_os("STEEPLE_BIN") {
            Some(folder) => PathBuf::from(folder),
            None => profile_dir()?,
        };
        let ours = Self {
            name: "ours",
            folder,
        };
        for program in [ours.server(), ours.agent()] {
            if !program.is_file() {
                bail!(
                    "{} is not built: run `cargo build --workspace --bins` first, or set \
                     STEEPLE_BIN to a folder with spire-server and spire-agent",
                    program.display()
                );
            }
        }
        Ok(ours)
    }

    /// The stock programs, if the environment says where they are.
    #[must_use]
    pub fn stock() -> Option<Self> {
        let folder = PathBuf::from(std::env::var_os("STEEPLE_STOCK_SPIRE")?);
        let stock = Self {
            name: "stock",
            folder,
        };
        (stock.server().is_file() && stock.agent().is_file()).then_some(stock)
    }

    /// The path of `spire-server`.
    #[must_use]
    pub fn server(&self) -> PathBuf {
        self.folder.join("spire-server")
    }

    /// The path of `spire-agent`.
    #[must_use]
    pub fn agent(&self) -> PathBuf {
        self.folder.join("spire-agent")
    }
}

/// The root of the project.
#[must_use]
pub fn project_dir() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Cargo's target folder, found from the running program.
///
/// # Errors
///
/// When the running program does not lie in a target folder.
pub fn target_dir() -> Result<PathBuf> {
    match profile_dir()?.parent() {
        Some(dir) => Ok(dir.to_path_buf()),
        None => bail!("the running test does not lie in a cargo target folder"),
    }
}

/// `target/debug` or `target/release`: tests run from its `deps` folder.
fn profile_dir() -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    match test.parent().and_then(Path::parent) {
        Some(dir) => Ok(dir.to_path_buf()),
        None => bail!("{} does not lie in a cargo target folder", test.display()),
    }
}
