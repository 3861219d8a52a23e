//! Why a configuration cannot be used.

use std::fmt;
use std::path::PathBuf;

use steeple_hcl::{Kind, ParseError, Problem, Report};

/// The configuration cannot be used. The texts begin as SPIRE's, since scripts compare them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigErrors {
    /// There is no such file.
    #[error("could not find config file {}: please use the -config flag", .0.display())]
    NotFound(PathBuf),
    /// The file is there but cannot be read.
    #[error("unable to read configuration at {path:?}: {source}")]
    Unreadable {
        /// The file, as given.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is neither HCL nor JSON.
    #[error("unable to decode configuration at {path:?}: {source}")]
    Syntax {
        /// The file, as given.
        path: PathBuf,
        /// Where and why reading stopped.
        source: ParseError,
    },
    /// Everything that is wrong with what the file and the flags say.
    #[error("{}", Mistakes(.0))]
    Mistakes(Vec<Problem>),
}

impl ConfigErrors {
    /// The single mistakes, if it is about mistakes.
    pub fn problems(&self) -> &[Problem] {
        match self {
            Self::Mistakes(problems) => problems,
            _ => &[],
        }
    }
}

struct Mistakes<'a>(&'a [Problem]);

impl fmt::Display for Mistakes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unknown = |problem: &Problem| problem.kind == Kind::UnknownKey;
        match self.0 {
            problems if problems.iter().any(unknown) => {
                f.write_str("unknown configuration detected")?;
            }
            [problem] => return write!(f, "{problem}"),
            problems => write!(f, "{} mistakes in the configuration", problems.len())?,
        }
        self.0
            .iter()
            .try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

/// The warnings, if nothing was found wrong.
///
/// # Errors
/// With everything that was.
pub fn verdict(report: &Report) -> Result<Vec<String>, ConfigErrors> {
    let problems = report.problems();
    if problems.is_empty() {
        return Ok(report.warnings().iter().map(Problem::to_string).collect());
    }
    Err(ConfigErrors::Mistakes(problems))
}
