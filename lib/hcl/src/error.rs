//! Why a document cannot be read.

use crate::Pos;

/// The text is neither HCL 1 nor its JSON twin. Displayed the way HashiCorp's library does.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("At {pos}: {message}")]
pub struct ParseError {
    /// Where reading stopped.
    pub pos: Pos,
    /// What was met or missed there.
    pub message: String,
}

impl ParseError {
    pub(crate) fn new(pos: Pos, message: impl Into<String>) -> Self {
        Self {
            pos,
            message: message.into(),
        }
    }
}
