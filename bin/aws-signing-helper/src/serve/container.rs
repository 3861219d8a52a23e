//! The token of the container credentials protocol. Clients read it from the same file, by
//! AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE.

use std::{fs, io, path::Path};

use aws_lc_rs::rand;
use steeple_lifecycle::files;
use zeroize::Zeroizing;

/// What clients must send.
pub(super) struct ContainerToken(Zeroizing<String>);

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ContainerError {
    /// The file cannot be read.
    #[error("container token file {path:?} cannot be read: {source}")]
    Read { path: String, source: io::Error },
    /// The file holds nothing that a header can.
    #[error("container token file {0:?} holds no token")]
    Empty(String),
    /// The file cannot be made.
    #[error("container token file: {0}")]
    Write(#[from] files::WriteError),
    /// No randomness.
    #[error("the operating system gives no random bytes")]
    Random,
}

impl ContainerToken {
    /// Reads the token; makes one if there is no such file.
    pub(super) fn open(path: &str) -> Result<Self, ContainerError> {
        match fs::read_to_string(path) {
            Ok(text) => {
                let token = text.trim();
                let printable = token
                    .bytes()
                    .all(|byte| byte.is_ascii_graphic() || byte == b' ');
                if token.is_empty() || !printable {
                    return Err(ContainerError::Empty(path.to_owned()));
                }
                Ok(Self(Zeroizing::new(token.to_owned())))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::make(path),
            Err(source) => Err(ContainerError::Read {
                path: path.to_owned(),
                source,
            }),
        }
    }

    fn make(path: &str) -> Result<Self, ContainerError> {
        let mut bytes = [0; 32];
        rand::fill(&mut bytes).map_err(|_| ContainerError::Random)?;
        let token = Zeroizing::new(hex::encode(bytes));
        files::write(Path::new(path), token.as_bytes(), 0o600)?;
        Ok(Self(token))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}
