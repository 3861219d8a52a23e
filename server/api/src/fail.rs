//! Errors on their way out: logged once, then told, in the words that SPIRE's clients know.

use steeple_proto::types;
use steeple_registry::RegistryError;
use tonic::{Code, Status};

/// A refusal: what was not done, and why.
#[derive(Debug)]
pub(crate) struct Failure {
    code: Code,
    what: String,
    why: Option<String>,
}

impl Failure {
    /// With nothing more to say than `what`.
    pub(crate) fn new(code: Code, what: &str) -> Self {
        Self {
            code,
            what: what.to_owned(),
            why: None,
        }
    }

    /// With a reason, which is shown to the caller too.
    pub(crate) fn because(code: Code, what: &str, why: impl ToString) -> Self {
        Self {
            code,
            what: what.to_owned(),
            why: Some(why.to_string()),
        }
    }

    pub(crate) fn invalid(what: &str) -> Self {
        Self::new(Code::InvalidArgument, what)
    }

    pub(crate) fn internal(what: &str, why: impl ToString) -> Self {
        Self::because(Code::Internal, what, why)
    }

    /// The text that the caller sees. What is not found needs no reason.
    fn message(&self) -> String {
        match &self.why {
            Some(why) if self.code != Code::NotFound => format!("{}: {why}", self.what),
            _ => self.what.clone(),
        }
    }

    fn log(&self) {
        let message = match self.code {
            Code::InvalidArgument => format!("Invalid argument: {}", self.what),
            _ => capitalize(&self.what),
        };
        match &self.why {
            Some(why) if self.code != Code::NotFound => {
                tracing::error!(error = %why, "{message}");
            }
            _ => tracing::error!("{message}"),
        }
    }

    /// Logs it, as the outcome of one item of a batch.
    pub(crate) fn into_item(self) -> types::Status {
        self.log();
        types::Status {
            code: self.code.into(),
            message: self.message(),
        }
    }
}

impl From<Failure> for Status {
    /// Logs it, as the outcome of a call.
    fn from(failure: Failure) -> Self {
        failure.log();
        Self::new(failure.code, failure.message())
    }
}

impl From<RegistryError> for Failure {
    fn from(error: RegistryError) -> Self {
        let code = match &error {
            RegistryError::InvalidArgument(_) => Code::InvalidArgument,
            RegistryError::NotFound(_) => Code::NotFound,
            RegistryError::AlreadyExists(_) => Code::AlreadyExists,
            RegistryError::PermissionDenied(_) => Code::PermissionDenied,
            RegistryError::FailedPrecondition(_) => Code::FailedPrecondition,
            RegistryError::Internal(_) => Code::Internal,
        };
        let text = error.to_string();
        // "failed to attest: ..." is one sentence to whoever searches logs for it.
        match text.split_once(": ") {
            Some((what, why)) if what != "failed to attest" => Self::because(code, what, why),
            _ => Self::new(code, &text),
        }
    }
}

/// A registry's refusal as the outcome of a call.
pub(crate) fn refuse(error: RegistryError) -> Status {
    Failure::from(error).into()
}

/// The outcome of an item that went well.
pub(crate) fn ok() -> types::Status {
    types::Status {
        code: Code::Ok.into(),
        message: "OK".to_owned(),
    }
}

/// What a handler that the gate never lets a call reach would answer.
pub(crate) fn not_yet<T>() -> Result<T, Status> {
    Err(Status::unimplemented("not supported yet"))
}

fn capitalize(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map(|first| first.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(failure: Failure) -> (Code, String) {
        let status = Status::from(failure);
        (status.code(), status.message().to_owned())
    }

    #[test]
    fn the_reason_is_told_but_for_what_is_not_found() {
        let cases = [
            (
                Failure::invalid("missing CSR"),
                Code::InvalidArgument,
                "missing CSR",
            ),
            (
                Failure::internal("failed to x", "disk"),
                Code::Internal,
                "failed to x: disk",
            ),
            (
                Failure::because(Code::NotFound, "agent not found", "row 3"),
                Code::NotFound,
                "agent not found",
            ),
        ];
        for (failure, code, text) in cases {
            assert_eq!(status(failure), (code, text.to_owned()));
        }
    }

    #[test]
    fn a_registry_error_keeps_its_text() {
        let text = "failed to attest: join token does not exist or has already been used";
        let error = RegistryError::InvalidArgument(text.to_owned());
        assert_eq!(
            status(error.into()),
            (Code::InvalidArgument, text.to_owned())
        );
        let error = RegistryError::Internal("failed to list: a: b".to_owned());
        assert_eq!(
            status(error.into()),
            (Code::Internal, "failed to list: a: b".to_owned())
        );
    }
}
