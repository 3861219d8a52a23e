//! Why a configuration cannot be used.

use std::fmt;

use steeple_config::ConfigErrors;
use steeple_hcl::Problem;

/// The configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file cannot be read, or is neither HCL nor JSON.
    #[error("{0}")]
    File(#[from] ConfigErrors),
    /// It says what makes no sense; everything that does not.
    #[error("{}", Mistakes(.0))]
    Mistakes(Vec<Problem>),
}

impl ConfigError {
    /// The message that goes with it.
    pub(crate) fn headline(&self) -> &'static str {
        match self {
            Self::File(_) => "failed to parse configuration",
            Self::Mistakes(_) => "invalid configuration",
        }
    }
}

struct Mistakes<'a>(&'a [Problem]);

impl fmt::Display for Mistakes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.0.iter().enumerate() {
            let between = if at == 0 { "" } else { "; " };
            write!(f, "{between}{problem}")?;
        }
        Ok(())
    }
}
