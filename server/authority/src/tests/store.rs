//! A store in memory that can be told to fail.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use jiff::Timestamp;
use steeple_spiffe::{Bundle, TrustDomain};
use steeple_store::{
    BundleEdit, BundleStore, DeleteMode, Journal, JournalStore, StoreError, bundle::BundleEditor,
};

#[derive(Default)]
pub(super) struct MemoryStore {
    bundle: Mutex<Option<Arc<Bundle>>>,
    pub(super) journals: Mutex<Vec<Journal>>,
    pub(super) broken: AtomicBool,
    pub(super) pruned_journals_before: Mutex<Option<Timestamp>>,
}

impl MemoryStore {
    fn check(&self) -> Result<(), StoreError> {
        if self.broken.load(Ordering::Relaxed) {
            return Err(StoreError::Io("the disk is gone".to_owned()));
        }
        Ok(())
    }
}

#[async_trait]
impl BundleStore for MemoryStore {
    async fn fetch_bundle(&self, _: &TrustDomain) -> Result<Option<Arc<Bundle>>, StoreError> {
        self.check()?;
        Ok(self.bundle.lock().unwrap().clone())
    }

    async fn edit_bundle(
        &self,
        _: &TrustDomain,
        editor: BundleEditor,
    ) -> Result<(Option<Arc<Bundle>>, bool), StoreError> {
        self.check()?;
        let mut bundle = self.bundle.lock().unwrap();
        let written = match editor(bundle.as_deref())? {
            BundleEdit::Keep => false,
            BundleEdit::Put(edited) => {
                *bundle = Some(Arc::new(edited));
                true
            }
        };
        Ok((bundle.clone(), written))
    }

    async fn delete_bundle(&self, _: &TrustDomain, _: DeleteMode) -> Result<(), StoreError> {
        *self.bundle.lock().unwrap() = None;
        Ok(())
    }
}

#[async_trait]
impl JournalStore for MemoryStore {
    async fn set_journal(&self, mut journal: Journal) -> Result<Journal, StoreError> {
        self.check()?;
        let mut journals = self.journals.lock().unwrap();
        if journal.id == 0 {
            journal.id = journals.len() as i64 + 1;
            journals.push(journal.clone());
        } else {
            let at = journals.iter().position(|known| known.id == journal.id);
            journals[at.ok_or(StoreError::NotFound)?] = journal.clone();
        }
        Ok(journal)
    }

    async fn fetch_journal(&self, active: &str) -> Result<Option<Journal>, StoreError> {
        self.check()?;
        let journals = self.journals.lock().unwrap();
        Ok(journals
            .iter()
            .find(|known| known.active_x509_authority_id == active)
            .cloned())
    }

    async fn list_journals(&self) -> Result<Vec<Journal>, StoreError> {
        self.check()?;
        Ok(self.journals.lock().unwrap().clone())
    }

    async fn prune_journals(&self, before: Timestamp) -> Result<Vec<i64>, StoreError> {
        self.check()?;
        *self.pruned_journals_before.lock().unwrap() = Some(before);
        Ok(vec![])
    }
}
