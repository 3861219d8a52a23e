//! Where the identity comes from, as the flags say.

use std::sync::Arc;

use steeple_lifecycle::Clock;
use steeple_workload::{Address, AddressError};

#[cfg(feature = "pkcs11")]
use super::token::Token;
use super::{
    Files, Identity, IdentityError, Paths, PrivateKey, password::Password, workload::Workload,
};
use crate::{cli::Values, log::Log};

/// Why the flags name no place that certificate and key can come from.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    /// Neither files nor an agent.
    #[error(
        "no certificate: give --certificate and --private-key, or --workload-api (there is no \
         system certificate store on Linux). Is a line continuation missing in the command?"
    )]
    Nothing,
    /// A key without a certificate.
    #[error("--private-key is given without --certificate")]
    NoCertificate,
    /// A place that this build cannot use.
    #[error("{what} ({value}) is not supported yet: give a PEM or PKCS#12 file, or --workload-api")]
    NotSupported { what: &'static str, value: String },
    /// Where no Workload API can be.
    #[error("--workload-api: {0}")]
    Address(#[from] AddressError),
}

/// Where the identity comes from.
#[derive(Debug)]
pub(crate) enum Source {
    /// Files, read anew for each session.
    Files(Files),
    /// The SPIFFE Workload API.
    Workload(Workload),
    /// A PKCS#11 token.
    #[cfg(feature = "pkcs11")]
    Token(Token),
}

impl Source {
    /// Chooses by the flags; reads nothing.
    ///
    /// # Errors
    /// When they name nothing, or what is not supported.
    pub(crate) fn read(values: &Values, log: &Log) -> Result<Self, SourceError> {
        if let Some(address) = values.some_text("workload-api") {
            let hint = values.text("svid-hint").to_owned();
            return Ok(Self::Workload(Workload::new(
                Address::parse(address)?,
                hint,
                log.clone(),
            )));
        }
        #[cfg(feature = "pkcs11")]
        if let Some(token) = token(values) {
            return Ok(Self::Token(token));
        }
        let files = files(values, log)?;
        if values.some_text("certificate").is_none() {
            return Err(SourceError::NoCertificate);
        }
        Ok(Self::Files(files))
    }

    /// What to sign with now.
    ///
    /// # Errors
    /// When there is nothing.
    pub(crate) async fn identity(&self) -> Result<Arc<Identity>, IdentityError> {
        match self {
            Self::Files(files) => files.identity().await,
            Self::Workload(workload) => workload.identity().await,
            #[cfg(feature = "pkcs11")]
            Self::Token(token) => token.identity().map(Arc::new),
        }
    }
}

/// The key alone: what signs a string needs no certificate, unless the key is in a token.
///
/// # Errors
/// When the flags name none, or it cannot be used.
pub(crate) fn key<E>(values: &Values, log: &Log) -> Result<PrivateKey, E>
where
    E: From<SourceError> + From<IdentityError>,
{
    #[cfg(feature = "pkcs11")]
    if let Some(token) = token(values) {
        return Ok(token.identity()?.key);
    }
    Ok(files(values, log)?.key_alone()?)
}

/// The token that the flags name, if they do.
#[cfg(feature = "pkcs11")]
fn token(values: &Values) -> Option<Token> {
    let (certificate, key) = (
        values.some_text("certificate"),
        values.some_text("private-key"),
    );
    let key = key
        .or(certificate)
        .filter(|key| key.starts_with("pkcs11:"))?;
    let intermediates = values.some_text("intermediates");
    let library = values.some_text("pkcs11-lib");
    Some(Token::new(
        certificate.unwrap_or(key),
        key,
        intermediates,
        library,
    ))
}

/// The files that the flags name.
///
/// # Errors
/// When they name none, or something that is no file.
fn files(values: &Values, log: &Log) -> Result<Files, SourceError> {
    let certificate = values.some_text("certificate");
    let key = values.some_text("private-key");
    for text in [certificate, key].into_iter().flatten() {
        supported(text)?;
    }
    let Some(path) = certificate.or(key) else {
        return Err(SourceError::Nothing);
    };
    let paths = Paths {
        certificate: path.to_owned(),
        key: key.map(str::to_owned),
        intermediates: values.some_text("intermediates").map(str::to_owned),
    };
    let password = match values.some_text("pkcs8-password") {
        Some(text) => Password::given(text),
        None => Password::default(),
    };
    Ok(Files::new(paths, password, Clock::system(), log.clone()))
}

/// Refuses by name what is no file.
pub(crate) fn supported(text: &str) -> Result<(), SourceError> {
    let what = if text.starts_with("pkcs11:") {
        "a PKCS#11 token"
    } else if text.starts_with("handle:") {
        "a TPM key"
    } else {
        return Ok(());
    };
    Err(SourceError::NotSupported {
        what,
        value: text.to_owned(),
    })
}
