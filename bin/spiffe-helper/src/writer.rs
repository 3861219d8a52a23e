//! From what the agent handed out to files, with their state kept for the health pages.

use std::{collections::BTreeMap, error::Error, sync::Arc, time::Duration};

use jiff::Timestamp;
use steeple_lifecycle::Clock;
use steeple_spiffe::{Bundle, TrustDomain};
use steeple_telemetry::chain;
use steeple_workload::{JwtSvid, X509Context};

use crate::{
    config::{Config, JwtBundleFile, JwtSvidFile, X509Files},
    disk::{self, DiskError},
    health::{Status, Tracked},
    outputs::{
        jwt::{self, JwtOutputError},
        x509::{X509Output, X509OutputError},
    },
};

/// Why something could not be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WriteFailure {
    /// What came makes no X.509 files.
    #[error(transparent)]
    X509(#[from] X509OutputError),
    /// What came makes no JWT file.
    #[error(transparent)]
    Jwt(#[from] JwtOutputError),
    /// The disk.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The thread that wrote was lost: a defect of this program.
    #[error("writing was cut short: {0}")]
    Lost(#[from] tokio::task::JoinError),
}

impl WriteFailure {
    /// Whether the same may be written later. What the agent handed out does not get better.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self, Self::Disk(_) | Self::Lost(_))
    }
}

/// Writes files. Clones are the same writer.
#[derive(Clone)]
pub(crate) struct Writer {
    /// What to write and where.
    pub(crate) config: Arc<Config>,
    /// What became of it.
    pub(crate) status: Status,
    /// What time it is.
    pub(crate) clock: Clock,
}

impl Writer {
    /// Writes certificate, key and bundle.
    pub(crate) async fn x509(
        &self,
        files: &X509Files,
        context: &X509Context,
    ) -> Result<(), WriteFailure> {
        let written = self.try_x509(files, context).await;
        self.note(&Tracked::X509, written.as_ref().map(|time| Some(*time)));
        written.map(|_| ())
    }

    async fn try_x509(
        &self,
        files: &X509Files,
        context: &X509Context,
    ) -> Result<Timestamp, WriteFailure> {
        let output = X509Output::new(context, files, &self.config.hint, self.clock.now())?;
        let expires_at = output.expires_at;
        let files = files.clone();
        let published = tokio::task::spawn_blocking(move || {
            disk::publish(
                &files,
                output.svid.as_bytes(),
                &output.key,
                output.bundle.as_bytes(),
            )
        });
        let published = published.await??;
        tracing::debug!(?published, "Files published");
        Ok(expires_at)
    }

    /// Writes the JWT bundles.
    pub(crate) async fn jwt_bundles(
        &self,
        file: &JwtBundleFile,
        bundles: &BTreeMap<TrustDomain, Bundle>,
    ) -> Result<(), WriteFailure> {
        let written = write_bundles(file, bundles).await;
        let tracked = Tracked::jwt(&file.path);
        self.note(&tracked, written.as_ref().map(|()| None));
        written
    }

    /// Checks the tokens and writes one; returns how long it may be used.
    pub(crate) async fn jwt_svid(
        &self,
        file: &JwtSvidFile,
        tokens: &[JwtSvid],
        bundles: &BTreeMap<TrustDomain, Bundle>,
    ) -> Result<Duration, WriteFailure> {
        let audience = file.audience.first().map_or("", String::as_str);
        let now = self.clock.now();
        let chosen = jwt::token(tokens, &self.config.hint, audience, bundles, now);
        // A token that does not hold is the agent's matter, not the file's: what is written stays.
        let tracked = Tracked::jwt(&file.path);
        if let Err(error) = &chosen {
            self.status.unfetched(&tracked, &error.to_string());
        }
        let (token, expires_at) = chosen?;
        let (path, content, mode) = (file.path.clone(), token.as_bytes().to_vec(), file.mode);
        let written = tokio::task::spawn_blocking(move || disk::write(&path, &content, mode)).await;
        let written = written
            .map_err(WriteFailure::from)
            .and_then(|done| Ok(done?));
        self.note(&tracked, written.as_ref().map(|()| Some(expires_at)));
        written.map(|()| self.clock.until(expires_at))
    }

    /// Tells the health pages that nothing could be fetched.
    pub(crate) fn unfetched(&self, what: &Tracked, error: &(dyn Error + 'static)) {
        self.status.unfetched(what, &chain(error).to_string());
    }

    fn note(&self, what: &Tracked, written: Result<Option<Timestamp>, &WriteFailure>) {
        match written {
            Ok(expires_at) => self.status.written(what, expires_at),
            Err(error) => self.status.failed(what, &chain(error).to_string()),
        }
    }
}

async fn write_bundles(
    file: &JwtBundleFile,
    bundles: &BTreeMap<TrustDomain, Bundle>,
) -> Result<(), WriteFailure> {
    let contents = jwt::bundles(bundles, file)?;
    let mode = file.mode;
    let written = tokio::task::spawn_blocking(move || {
        contents
            .iter()
            .try_for_each(|(path, content)| disk::write(path, content.as_bytes(), mode))
    });
    Ok(written.await??)
}
