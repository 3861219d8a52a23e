//! The one error that plugins answer with.

/// Why a plugin could not do what it was asked. Each variant has its gRPC counterpart, so that an
/// external plugin's status and a built-in's error read the same.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PluginError {
    /// The caller's input is wrong; asking again with the same input will fail again.
    #[error("{0}")]
    InvalidArgument(String),
    /// What was asked for does not exist.
    #[error("{0}")]
    NotFound(String),
    /// The plugin refuses: what was presented does not prove what it should.
    #[error("{0}")]
    PermissionDenied(String),
    /// The plugin has not been configured, or not so that it could do this.
    #[error("{0}")]
    FailedPrecondition(String),
    /// Something the plugin depends on does not answer; asking again later may work.
    #[error("{0}")]
    Unavailable(String),
    /// The plugin does not offer this.
    #[error("{0}")]
    Unimplemented(String),
    /// Anything else: the text says what failed, on which value and why.
    #[error("{0}")]
    Internal(String),
}
