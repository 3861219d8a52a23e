//! What to say of a call to AWS that failed.

use std::error::Error;

use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use steeple_plugin_sdk::PluginError;

/// The service's own code and message where it answered, else everything that is known about why
/// it did not.
pub(crate) fn explain<E, R>(error: &SdkError<E, R>) -> String
where
    E: ProvideErrorMetadata + Error + 'static,
    R: std::fmt::Debug + 'static,
{
    match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        (None, _) => chain(error),
    }
}

/// The error for a call that may be made again.
pub(crate) fn failed<E, R>(what: &str, error: &SdkError<E, R>) -> PluginError
where
    E: ProvideErrorMetadata + Error + 'static,
    R: std::fmt::Debug + 'static,
{
    let text = format!("{what}: {}", explain(error));
    match error {
        SdkError::ServiceError(_) => PluginError::Internal(text),
        _ => PluginError::Unavailable(text),
    }
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let why = error.to_string();
        if !text.contains(&why) {
            text = format!("{text}: {why}");
        }
        cause = error.source();
    }
    text
}
