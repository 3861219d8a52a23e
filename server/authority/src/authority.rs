//! The signing half: what callers hold.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use jiff::Timestamp;
use steeple_lifecycle::Clock;
use steeple_plugin_sdk::{keymanager::KeyManager, upstreamauthority::UpstreamAuthority};
use steeple_store::{BundleStore, JournalStore};
use tokio::sync::watch;

use crate::{
    AuthorityConfig, AuthorityError, AuthorityState, Rotation, ServerSvid,
    active::{JwtKey, X509Ca},
    profile::Profiles,
};

/// What the authority is put together from.
pub struct Parts {
    /// Holds the keys.
    pub key_manager: Arc<dyn KeyManager>,
    /// Signs the CA; the CA is self-signed without one.
    pub upstream: Option<Arc<dyn UpstreamAuthority>>,
    /// Keeps the journal.
    pub journals: Arc<dyn JournalStore>,
    /// Keeps the bundle.
    pub bundles: Arc<dyn BundleStore>,
    /// What time it is.
    pub clock: Clock,
}

/// Signs SVIDs with the authorities that are active. Cheap to share; no call waits for anything
/// but the key manager.
pub struct Authority {
    config: AuthorityConfig,
    clock: Clock,
    profiles: Profiles,
    x509_ca: ArcSwapOption<X509Ca>,
    jwt_key: ArcSwapOption<JwtKey>,
    pub(crate) state: watch::Sender<Arc<AuthorityState>>,
    pub(crate) server_svid: watch::Sender<Option<Arc<ServerSvid>>>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority")
            .field("state", &*self.state.borrow())
            .finish_non_exhaustive()
    }
}

impl Authority {
    /// Finds the journal again, restores the authorities in it, prepares and activates what is
    /// missing, and issues the server's SVID. The [`Rotation`] must then be run by one task.
    ///
    /// # Errors
    /// When the database or the key manager cannot be read, or no X.509 CA could be prepared.
    pub async fn start(
        config: AuthorityConfig,
        parts: Parts,
    ) -> Result<(Arc<Self>, Rotation), AuthorityError> {
        let authority = Arc::new(Self {
            config,
            clock: parts.clock.clone(),
            profiles: Profiles::new()?,
            x509_ca: ArcSwapOption::empty(),
            jwt_key: ArcSwapOption::empty(),
            state: watch::channel(Arc::default()).0,
            server_svid: watch::channel(None).0,
        });
        let mut rotation = Rotation::load(Arc::clone(&authority), parts).await?;
        rotation.rotate().await?;
        rotation.rotate_server_svid().await?;
        Ok((authority, rotation))
    }

    /// The settings.
    pub fn config(&self) -> &AuthorityConfig {
        &self.config
    }

    /// Where rotation stands, now and after each change.
    pub fn state(&self) -> watch::Receiver<Arc<AuthorityState>> {
        self.state.subscribe()
    }

    /// The server's own SVID, now and after each rotation. It is there from the start on.
    pub fn server_svid(&self) -> watch::Receiver<Option<Arc<ServerSvid>>> {
        self.server_svid.subscribe()
    }

    pub(crate) fn profiles(&self) -> &Profiles {
        &self.profiles
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn x509_ca(&self) -> Result<Arc<X509Ca>, AuthorityError> {
        self.x509_ca.load_full().ok_or(AuthorityError::NoX509Ca)
    }

    pub(crate) fn jwt_key(&self) -> Result<Arc<JwtKey>, AuthorityError> {
        self.jwt_key.load_full().ok_or(AuthorityError::NoJwtKey)
    }

    pub(crate) fn activate_x509(&self, ca: Arc<X509Ca>) {
        self.x509_ca.store(Some(ca));
    }

    pub(crate) fn activate_jwt(&self, key: Arc<JwtKey>) {
        self.jwt_key.store(Some(key));
    }
}
