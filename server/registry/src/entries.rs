//! Registration entries: checking, writing, listing.

pub mod dns;
mod filter;
mod input;

use std::sync::Arc;

use steeple_store::{CreatedEntry, Entry, EntryUpdate, StoreError};

pub use filter::{DomainMatch, EntryFilter};
pub use input::{EntryInput, EntryMask};

use crate::{Page, Paged, Registry, RegistryError};

/// See [`Registry::entries`].
pub struct Entries<'a>(pub(crate) &'a Registry);

impl Entries<'_> {
    /// Creates entries; the answers are in the order of `inputs`. An entry with the same parent,
    /// identity and set of selectors as one that is there is not created: the answer is the one
    /// that is there.
    pub async fn create_batch(
        &self,
        inputs: &[EntryInput],
    ) -> Vec<Result<CreatedEntry, RegistryError>> {
        let checked = inputs
            .iter()
            .map(|input| input.check_new(&self.0.domain))
            .collect();
        let create = |entries| self.0.store.create_entries(entries);
        each_checked(checked, create, |e| RegistryError::from_store(CREATE, e)).await
    }

    /// Updates entries: what `mask` names becomes what the input says. The answers are in the
    /// order of `inputs`.
    pub async fn update_batch(
        &self,
        inputs: &[EntryInput],
        mask: &EntryMask,
    ) -> Vec<Result<Arc<Entry>, RegistryError>> {
        let check = |input: &EntryInput| {
            let changes = input.check_changes(&self.0.domain, mask)?;
            Ok(EntryUpdate {
                id: input.id.clone(),
                changes,
            })
        };
        let checked = inputs.iter().map(check).collect();
        let update = |updates| self.0.store.update_entries(updates);
        each_checked(checked, update, |e| RegistryError::from_store(UPDATE, e)).await
    }

    /// Deletes entries; the answers are in the order of `ids`.
    pub async fn delete_batch(&self, ids: &[String]) -> Vec<Result<Arc<Entry>, RegistryError>> {
        let missing = || RegistryError::InvalidArgument("missing entry ID".to_owned());
        let check = |id: &String| {
            if id.is_empty() {
                Err(missing())
            } else {
                Ok(id.clone())
            }
        };
        let checked = ids.iter().map(check).collect();
        let delete = |ids| self.0.store.delete_entries(ids);
        each_checked(checked, delete, |e| {
            RegistryError::from_store_or("failed to delete entry", "entry not found", e)
        })
        .await
    }

    /// An entry by its ID, from memory.
    ///
    /// # Errors
    /// [`RegistryError::InvalidArgument`] when the ID is empty, [`RegistryError::NotFound`] when
    /// there is no such entry.
    pub fn get(&self, id: &str) -> Result<Arc<Entry>, RegistryError> {
        if id.is_empty() {
            return Err(RegistryError::InvalidArgument("missing ID".to_owned()));
        }
        let found = self.0.index.read().entry(id);
        found.ok_or_else(|| RegistryError::NotFound("entry not found".to_owned()))
    }

    /// A page of the entries, in the order they were created.
    ///
    /// # Errors
    /// [`RegistryError::InvalidArgument`] when the filter or the page token is malformed.
    pub fn list(
        &self,
        filter: &EntryFilter,
        page: &Page,
    ) -> Result<Paged<Arc<Entry>>, RegistryError> {
        let wanted = filter.read(&self.0.domain)?;
        let after = page.after("failed to list entries")?;
        let index = self.0.index.read();
        let rows = wanted
            .candidates(&index, after)
            .filter(|entry| wanted.matches(entry));
        Ok(page.cut(rows.map(|entry| (entry.row, Arc::clone(entry)))))
    }

    /// How many entries there are.
    ///
    /// # Errors
    /// [`RegistryError::InvalidArgument`] when the filter is malformed.
    pub fn count(&self, filter: &EntryFilter) -> Result<usize, RegistryError> {
        let wanted = filter.read(&self.0.domain)?;
        let index = self.0.index.read();
        Ok(wanted
            .candidates(&index, i64::MIN)
            .filter(|entry| wanted.matches(entry))
            .count())
    }
}

const CREATE: &str = "failed to create entry";
const UPDATE: &str = "failed to update entry";

/// Sends the items that passed their check to the store and puts its answers in their places.
async fn each_checked<T, R, F>(
    checked: Vec<Result<T, RegistryError>>,
    write: impl FnOnce(Vec<T>) -> F,
    refuse: impl Fn(StoreError) -> RegistryError,
) -> Vec<Result<R, RegistryError>>
where
    F: Future<Output = Result<Vec<Result<R, StoreError>>, StoreError>>,
{
    let mut refusals = Vec::with_capacity(checked.len());
    let mut good = Vec::with_capacity(checked.len());
    for item in checked {
        match item {
            Ok(item) => {
                good.push(item);
                refusals.push(None);
            }
            Err(error) => refusals.push(Some(error)),
        }
    }
    let written = if good.is_empty() {
        Ok(Vec::new())
    } else {
        write(good).await
    };
    let (mut written, failure) = match written {
        Ok(answers) => (answers.into_iter(), StoreError::Closed),
        Err(error) => (Vec::new().into_iter(), error),
    };
    let answer = |refusal: Option<RegistryError>| match refusal {
        Some(error) => Err(error),
        None => written
            .next()
            .unwrap_or_else(|| Err(failure.clone()))
            .map_err(&refuse),
    };
    refusals.into_iter().map(answer).collect()
}
