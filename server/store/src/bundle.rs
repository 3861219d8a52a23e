//! Bundles: the public keys of this trust domain and of others.
//!
//! What may become of a bundle is written here as plain functions of one bundle; a store only has
//! to run them inside a transaction ([`BundleStore::edit_bundle`]).

mod edit;

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use steeple_spiffe::{Bundle, TrustDomain};

use crate::StoreError;

/// What a bundle's editor wants done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum BundleEdit {
    /// Leave it as it is.
    Keep,
    /// Write this in its place, exactly so; or create it.
    Put(Bundle),
}

/// Looks at a bundle as it is stored and says what is to become of it. May be called again when
/// the transaction has to be repeated.
pub type BundleEditor =
    Arc<dyn Fn(Option<&Bundle>) -> Result<BundleEdit, StoreError> + Send + Sync>;

/// What becomes of the entries that federate with a trust domain whose bundle is deleted.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum DeleteMode {
    /// While there are any, the bundle is not deleted.
    #[default]
    Restrict,
    /// They are deleted too.
    Delete,
    /// They stay, and no longer federate with it.
    Dissociate,
}

/// Reads and writes bundles.
#[async_trait]
pub trait BundleStore: Send + Sync {
    /// The bundle of a trust domain.
    ///
    /// # Errors
    /// When the database cannot be read.
    async fn fetch_bundle(&self, domain: &TrustDomain) -> Result<Option<Arc<Bundle>>, StoreError>;

    /// Runs `editor` on the bundle in one transaction and answers the bundle as it then stands
    /// (`None`: it is not there and was not created), and whether anything was written.
    ///
    /// # Errors
    /// What the editor says; and when the database cannot be written.
    async fn edit_bundle(
        &self,
        domain: &TrustDomain,
        editor: BundleEditor,
    ) -> Result<(Option<Arc<Bundle>>, bool), StoreError>;

    /// Deletes a bundle.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when it is not there, [`StoreError::FailedPrecondition`] when
    /// entries federate with it and `mode` is [`DeleteMode::Restrict`]; and when the database
    /// cannot be written.
    async fn delete_bundle(&self, domain: &TrustDomain, mode: DeleteMode)
    -> Result<(), StoreError>;

    /// Adds the authorities of `addition` that are not there yet; creates the bundle exactly as
    /// given when there is none. The sequence number grows by one only if something was added.
    ///
    /// # Errors
    /// When the database cannot be written.
    async fn append_bundle(&self, addition: Bundle) -> Result<Arc<Bundle>, StoreError> {
        let domain = addition.trust_domain.clone();
        let editor: BundleEditor = Arc::new(move |old| Ok(edit::append(old, &addition)));
        stored(self.edit_bundle(&domain, editor).await?.0)
    }

    /// Creates the bundle.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`] when there is one; and when the database cannot be written.
    async fn create_bundle(&self, bundle: Bundle) -> Result<Arc<Bundle>, StoreError> {
        let domain = bundle.trust_domain.clone();
        let editor: BundleEditor = Arc::new(move |old| edit::create(old, &bundle));
        stored(self.edit_bundle(&domain, editor).await?.0)
    }

    /// Writes the bundle as given, sequence number included, whether there is one or not.
    ///
    /// # Errors
    /// When the database cannot be written.
    async fn set_bundle(&self, bundle: Bundle) -> Result<Arc<Bundle>, StoreError> {
        let domain = bundle.trust_domain.clone();
        let editor: BundleEditor = Arc::new(move |_| Ok(BundleEdit::Put(bundle.clone())));
        stored(self.edit_bundle(&domain, editor).await?.0)
    }

    /// Removes the authorities that ended at `before` or earlier. Answers whether there were any.
    ///
    /// # Errors
    /// [`StoreError::FailedPrecondition`] when nothing would be left; and when the database
    /// cannot be written.
    async fn prune_bundle(
        &self,
        domain: &TrustDomain,
        before: Timestamp,
    ) -> Result<bool, StoreError> {
        let editor: BundleEditor = Arc::new(move |old| edit::prune(old, before));
        Ok(self.edit_bundle(domain, editor).await?.1)
    }

    /// Marks the X.509 authority with this subject key ID (lower-case hex) as tainted.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such bundle or authority,
    /// [`StoreError::BadRequest`] when it is tainted already; and when the database cannot be
    /// written.
    async fn taint_x509_authority(
        &self,
        domain: &TrustDomain,
        authority_id: &str,
    ) -> Result<Arc<Bundle>, StoreError> {
        let id = authority_id.to_owned();
        let editor: BundleEditor = Arc::new(move |old| edit::taint_x509(old, &id));
        stored(self.edit_bundle(domain, editor).await?.0)
    }

    /// Removes a tainted X.509 authority.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such bundle or authority,
    /// [`StoreError::BadRequest`] when it is not tainted; and when the database cannot be
    /// written.
    async fn revoke_x509_authority(
        &self,
        domain: &TrustDomain,
        authority_id: &str,
    ) -> Result<Arc<Bundle>, StoreError> {
        let id = authority_id.to_owned();
        let editor: BundleEditor = Arc::new(move |old| edit::revoke_x509(old, &id));
        stored(self.edit_bundle(domain, editor).await?.0)
    }

    /// Marks the JWT authority with this key ID as tainted.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such bundle or authority,
    /// [`StoreError::BadRequest`] when it is tainted already; and when the database cannot be
    /// written.
    async fn taint_jwt_authority(
        &self,
        domain: &TrustDomain,
        key_id: &str,
    ) -> Result<Arc<Bundle>, StoreError> {
        let id = key_id.to_owned();
        let editor: BundleEditor = Arc::new(move |old| edit::taint_jwt(old, &id));
        stored(self.edit_bundle(domain, editor).await?.0)
    }

    /// Removes a tainted JWT authority.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such bundle or authority,
    /// [`StoreError::BadRequest`] when it is not tainted; and when the database cannot be
    /// written.
    async fn revoke_jwt_authority(
        &self,
        domain: &TrustDomain,
        key_id: &str,
    ) -> Result<Arc<Bundle>, StoreError> {
        let id = key_id.to_owned();
        let editor: BundleEditor = Arc::new(move |old| edit::revoke_jwt(old, &id));
        stored(self.edit_bundle(domain, editor).await?.0)
    }
}

fn stored(bundle: Option<Arc<Bundle>>) -> Result<Arc<Bundle>, StoreError> {
    bundle.ok_or(StoreError::NotFound)
}
