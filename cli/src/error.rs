//! Why a command did not do what it was asked to.

use std::{io, path::PathBuf};

use steeple_lifecycle::files::WriteError;
use steeple_spiffe::IdError;

use crate::{
    agent::SvidError, connect::ConnectError, goflag::FlagError, output::OutputError, status,
};

/// A command's failure as its user reads it.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The flags contradict each other or one is missing; the text is the whole message.
    #[error("{0}")]
    Usage(String),
    /// A flag group was read without its definition: a defect.
    #[error(transparent)]
    Flags(#[from] FlagError),
    /// A SPIFFE ID breaks a rule of the standard.
    #[error(transparent)]
    SpiffeId(#[from] IdError),
    /// The other side's socket cannot be reached.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The other side answered with an error.
    #[error("{}", status::describe(.0))]
    Rpc(Box<tonic::Status>),
    /// The other side answered with an error to one step of several.
    #[error("{step}: {}", status::describe(.status))]
    Step {
        /// What was being done.
        step: String,
        /// The answer.
        status: Box<tonic::Status>,
    },
    /// The agent's answer does not hold usable SVIDs.
    #[error(transparent)]
    Svid(#[from] SvidError),
    /// The other side answered, but with something that makes no sense.
    #[error("{0}")]
    Answer(String),
    /// A file cannot be written; the one that was there is untouched.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A file that a flag names cannot be read.
    #[error("could not read {}: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file that a flag names does not hold what it should.
    #[error("could not read {what} from {origin}: {why}")]
    Content {
        /// What should be in it.
        what: &'static str,
        /// The file, or standard input.
        origin: String,
        /// What is wrong.
        why: String,
    },
    /// The result could not be printed.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// Writing to standard output failed.
    #[error("could not print the result: {0}")]
    Stdout(#[from] io::Error),
}

impl From<tonic::Status> for CommandError {
    fn from(status: tonic::Status) -> Self {
        Self::Rpc(Box::new(status))
    }
}

impl CommandError {
    /// Wraps an answer with the step that got it.
    pub(crate) fn step(step: impl Into<String>) -> impl FnOnce(tonic::Status) -> Self {
        let step = step.into();
        move |status| Self::Step {
            step,
            status: Box::new(status),
        }
    }

    /// Whether the reader of our output went away, which is no news to anybody.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        let source = match self {
            Self::Stdout(source) | Self::Output(OutputError::Stdout(source)) => source,
            _ => return false,
        };
        source.kind() == io::ErrorKind::BrokenPipe
    }
}
