//! Bundles: of this trust domain and of those it federates with.

use std::sync::Arc;

use jiff::Timestamp;
use steeple_spiffe::{Bundle, TrustDomain};
use steeple_store::{DeleteMode, StoreError};
use tokio::sync::watch;

use crate::{Page, Paged, Registry, RegistryError};

/// See [`Registry::bundles`].
pub struct Bundles<'a>(pub(crate) &'a Registry);

impl Bundles<'_> {
    /// The bundle of a trust domain, from memory.
    pub fn get(&self, domain: &TrustDomain) -> Option<Arc<Bundle>> {
        self.0.index.read().bundle(domain)
    }

    /// The own bundle, from memory; `None` until the first authority has been published.
    pub fn own(&self) -> Option<Arc<Bundle>> {
        self.get(&self.0.domain)
    }

    /// Shows the own bundle whenever it changes.
    pub fn subscribe(&self) -> watch::Receiver<Option<Arc<Bundle>>> {
        self.0.index.own_bundle_watch()
    }

    /// How many bundles there are, the own one included.
    pub fn count(&self) -> usize {
        self.0.index.read().bundles_after(i64::MIN).count()
    }

    /// A page of the other trust domains' bundles. As with SPIRE, the own bundle is taken out
    /// after the page is cut, so a page may be one short.
    ///
    /// # Errors
    /// [`RegistryError::InvalidArgument`] when the page token is malformed.
    pub fn list_federated(&self, page: &Page) -> Result<Paged<Arc<Bundle>>, RegistryError> {
        let after = page.after("failed to list bundles")?;
        let index = self.0.index.read();
        let mut cut = page.cut(
            index
                .bundles_after(after)
                .map(|(row, b)| (row, Arc::clone(b))),
        );
        cut.items
            .retain(|bundle| bundle.trust_domain != self.0.domain);
        Ok(cut)
    }

    /// Adds authorities; see [`steeple_store::BundleStore::append_bundle`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn append(&self, addition: Bundle) -> Result<Arc<Bundle>, RegistryError> {
        self.0
            .store
            .append_bundle(addition)
            .await
            .map_err(|e| RegistryError::Internal(format!("failed to append bundle: {e}")))
    }

    /// Creates the bundle of another trust domain.
    ///
    /// # Errors
    /// [`RegistryError::AlreadyExists`] when there is one; and when the database fails.
    pub async fn create(&self, bundle: Bundle) -> Result<Arc<Bundle>, RegistryError> {
        self.0
            .store
            .create_bundle(bundle)
            .await
            .map_err(|error| match error {
                StoreError::AlreadyExists(_) => {
                    RegistryError::AlreadyExists("bundle already exists".to_owned())
                }
                other => RegistryError::Internal(format!("unable to create bundle: {other}")),
            })
    }

    /// Writes a bundle as given.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set(&self, bundle: Bundle) -> Result<Arc<Bundle>, RegistryError> {
        let set = self.0.store.set_bundle(bundle).await;
        set.map_err(|e| RegistryError::Internal(format!("failed to set bundle: {e}")))
    }

    /// Deletes a bundle.
    ///
    /// # Errors
    /// [`RegistryError::NotFound`] when it is not there, [`RegistryError::FailedPrecondition`]
    /// when entries federate with it and `mode` restricts; and when the database fails.
    pub async fn delete(
        &self,
        domain: &TrustDomain,
        mode: DeleteMode,
    ) -> Result<(), RegistryError> {
        self.0
            .store
            .delete_bundle(domain, mode)
            .await
            .map_err(|error| match error {
                StoreError::NotFound => RegistryError::NotFound("bundle not found".to_owned()),
                other => RegistryError::from_store("failed to delete federated bundle", other),
            })
    }

    /// Removes authorities of the own bundle that ended at `before` or earlier.
    ///
    /// # Errors
    /// When nothing would be left, or the database fails.
    pub async fn prune(&self, before: Timestamp) -> Result<bool, RegistryError> {
        let pruned = self.0.store.prune_bundle(&self.0.domain, before).await;
        pruned.map_err(|error| RegistryError::from_store("unable to prune bundle", error))
    }
}
