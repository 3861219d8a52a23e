//! Registration entries.

use std::{collections::HashSet, sync::Arc};

use rusqlite::{Connection, Row, named_params};
use steeple_spiffe::{Selector, SpiffeId, TrustDomain};
use steeple_store::{Change, CreatedEntry, Entry, EntryChanges, EntryUpdate, NewEntry, StoreError};

use crate::{
    blob,
    dialect::seconds,
    txn::{Txn, all, find},
};

const COLUMNS: &str = "id, created_at, entry_id, spiffe_id, parent_id, ttl, admin, downstream, \
                       expiry, revision_number, store_svid, hint, jwt_svid_ttl, \
                       additional_attributes";

/// The first entries after row `after`, complete, and how far they reach. What cannot be read as
/// an entry (an ID that is none) is left out with a word in the log, as SPIRE leaves it out.
pub(crate) fn after(
    connection: &Connection,
    after: i64,
    limit: usize,
) -> Result<(Vec<Entry>, Option<i64>), StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM registered_entries WHERE id > ? ORDER BY id LIMIT ?");
    let rows = all(connection, &sql, (after, limit as i64), RawEntry::read)?;
    let Some((first, last)) = rows
        .first()
        .map(|row| row.id)
        .zip(rows.last().map(|row| row.id))
    else {
        return Ok((Vec::new(), None));
    };
    let mut lists = Lists::read(connection, first, last)?;
    let complete = rows
        .into_iter()
        .filter_map(|raw| complete_or_warn(raw, &mut lists))
        .collect();
    Ok((complete, Some(last)))
}

fn complete_or_warn(raw: RawEntry, lists: &mut Lists) -> Option<Entry> {
    let id = raw.entry_id.clone();
    let complete = raw.complete(lists);
    if let Err(error) = &complete {
        tracing::error!(entry_id = %id, %error, "Ignoring an entry that cannot be read");
    }
    complete.ok()
}

fn fetch(connection: &Connection, entry_id: &str) -> Result<Option<Entry>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM registered_entries WHERE entry_id = ?");
    let raw = find(connection, &sql, [entry_id], RawEntry::read)?;
    raw.map(|raw| complete(connection, raw)).transpose()
}

fn fetch_row(connection: &Connection, row: i64) -> Result<Entry, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM registered_entries WHERE id = ?");
    let raw = find(connection, &sql, [row], RawEntry::read)?.ok_or(StoreError::NotFound)?;
    complete(connection, raw)
}

fn complete(connection: &Connection, raw: RawEntry) -> Result<Entry, StoreError> {
    let mut lists = Lists::read(connection, raw.id, raw.id)?;
    raw.complete(&mut lists)
}

/// A row of the table, unread.
struct RawEntry {
    id: i64,
    created_at: String,
    entry_id: String,
    spiffe_id: String,
    parent_id: String,
    x509_svid_ttl: i32,
    admin: bool,
    downstream: bool,
    expires_at: i64,
    revision: i64,
    store_svid: bool,
    hint: String,
    jwt_svid_ttl: i32,
    attributes: Option<Vec<u8>>,
}

impl RawEntry {
    /// Columns that came with a later version are NULL in rows from before it.
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            created_at: row.get::<_, Option<String>>(1)?.unwrap_or_default(),
            entry_id: row.get(2)?,
            spiffe_id: row.get(3)?,
            parent_id: row.get(4)?,
            x509_svid_ttl: row.get::<_, Option<i32>>(5)?.unwrap_or_default(),
            admin: row.get::<_, Option<bool>>(6)?.unwrap_or_default(),
            downstream: row.get::<_, Option<bool>>(7)?.unwrap_or_default(),
            expires_at: row.get::<_, Option<i64>>(8)?.unwrap_or_default(),
            revision: row.get::<_, Option<i64>>(9)?.unwrap_or_default(),
            store_svid: row.get::<_, Option<bool>>(10)?.unwrap_or_default(),
            hint: row.get::<_, Option<String>>(11)?.unwrap_or_default(),
            jwt_svid_ttl: row.get::<_, Option<i32>>(12)?.unwrap_or_default(),
            attributes: row.get(13)?,
        })
    }

    fn complete(self, lists: &mut Lists) -> Result<Entry, StoreError> {
        let id_of = |what: &str, text: &str| {
            SpiffeId::parse(text).map_err(|error| {
                StoreError::Corrupt(format!(
                    "entry {:?}: {what} {text:?}: {error}",
                    self.entry_id
                ))
            })
        };
        Ok(Entry {
            row: self.id,
            spiffe_id: id_of("SPIFFE ID", &self.spiffe_id)?,
            parent_id: id_of("parent ID", &self.parent_id)?,
            id: self.entry_id.into(),
            selectors: Lists::take(&mut lists.selectors, self.id),
            x509_svid_ttl: self.x509_svid_ttl,
            jwt_svid_ttl: self.jwt_svid_ttl,
            federates_with: Lists::take(&mut lists.domains, self.id),
            admin: self.admin,
            downstream: self.downstream,
            store_svid: self.store_svid,
            expires_at: self.expires_at,
            dns_names: Lists::take(&mut lists.dns_names, self.id),
            revision: self.revision,
            hint: self.hint.into(),
            created_at: seconds(&self.created_at)?,
            attributes: blob::decode_attributes(self.attributes.as_deref())?,
        })
    }
}

/// What belongs to a range of entries, each list in reverse, so that it is taken from its end.
struct Lists {
    selectors: Vec<(i64, Selector)>,
    dns_names: Vec<(i64, Box<str>)>,
    domains: Vec<(i64, TrustDomain)>,
}

impl Lists {
    fn read(connection: &Connection, first: i64, last: i64) -> Result<Self, StoreError> {
        let range = (first, last);
        let sql = "SELECT registered_entry_id, type, value FROM selectors \
                   WHERE registered_entry_id BETWEEN ? AND ? \
                   ORDER BY registered_entry_id DESC, id DESC";
        let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let selectors: Vec<(i64, String, String)> = all(connection, sql, range, read)?;
        let sql = "SELECT registered_entry_id, value FROM dns_names \
                   WHERE registered_entry_id BETWEEN ? AND ? \
                   ORDER BY registered_entry_id DESC, id DESC";
        let pair = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let dns_names: Vec<(i64, String)> = all(connection, sql, range, pair)?;
        let sql = "SELECT f.registered_entry_id, b.trust_domain \
                   FROM federated_registration_entries f JOIN bundles b ON b.id = f.bundle_id \
                   WHERE f.registered_entry_id BETWEEN ? AND ? \
                   ORDER BY f.registered_entry_id DESC, b.id DESC";
        let domains: Vec<(i64, String)> = all(connection, sql, range, pair)?;
        Ok(Self {
            selectors: selectors
                .into_iter()
                .map(|(entry, kind, value)| Ok((entry, selector(&kind, &value)?)))
                .collect::<Result<_, StoreError>>()?,
            dns_names: dns_names
                .into_iter()
                .map(|(entry, name)| (entry, name.into()))
                .collect(),
            domains: domains
                .into_iter()
                .map(|(entry, name)| Ok((entry, domain(&name)?)))
                .collect::<Result<_, StoreError>>()?,
        })
    }

    /// Takes what belongs to `entry`; entries are asked for in ascending order. Rows of entries
    /// that are gone are passed over.
    fn take<T>(list: &mut Vec<(i64, T)>, entry: i64) -> Box<[T]> {
        let mut taken = Vec::new();
        while let Some((owner, item)) = list.pop_if(|(owner, _)| *owner <= entry) {
            if owner == entry {
                taken.push(item);
            }
        }
        taken.into()
    }
}

pub(crate) fn selector(kind: &str, value: &str) -> Result<Selector, StoreError> {
    Selector::new(kind, value).map_err(|error| {
        StoreError::Corrupt(format!(
            "a stored selector of type {kind:?} cannot be read: {error}"
        ))
    })
}

fn domain(text: &str) -> Result<TrustDomain, StoreError> {
    TrustDomain::parse(text).map_err(|error| {
        StoreError::Corrupt(format!(
            "the stored trust domain {text:?} cannot be read: {error}"
        ))
    })
}

impl Txn<'_> {
    /// Creates an entry, unless one like it is there.
    pub(crate) fn create_or_return_entry(
        &mut self,
        new: NewEntry,
    ) -> Result<CreatedEntry, StoreError> {
        if let Some(similar) = self.similar_entry(&new)? {
            return Ok(CreatedEntry::Similar(Arc::new(similar)));
        }
        self.create_entry(new).map(CreatedEntry::New)
    }

    /// Looks where there are few: often one of parent and identity is shared by very many.
    fn similar_entry(&self, new: &NewEntry) -> Result<Option<Entry>, StoreError> {
        const FEW: usize = 64;
        let sql = format!(
            "SELECT id, parent_id FROM registered_entries WHERE spiffe_id = ? LIMIT {}",
            FEW + 1
        );
        let read = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?));
        let same = all(self.connection(), &sql, [new.spiffe_id.as_str()], read)?;
        let candidates: Vec<i64> = if same.len() <= FEW {
            let parent = new.parent_id.as_str();
            same.into_iter()
                .filter(|(_, p)| p == parent)
                .map(|(id, _)| id)
                .collect()
        } else {
            let sql = "SELECT id FROM registered_entries WHERE parent_id = ? AND +spiffe_id = ?";
            let key = [new.parent_id.as_str(), new.spiffe_id.as_str()];
            all(self.connection(), sql, key, |row| row.get(0))?
        };
        let wanted: HashSet<&Selector> = new.selectors.iter().collect();
        for row in candidates {
            let entry = fetch_row(self.connection(), row)?;
            if entry.selectors.len() == wanted.len()
                && entry
                    .selectors
                    .iter()
                    .all(|selector| wanted.contains(selector))
            {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    /// Creates an entry whether or not one like it is there.
    pub(crate) fn create_entry(&mut self, new: NewEntry) -> Result<Arc<Entry>, StoreError> {
        let id = new.id.unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
        let mut entry = Entry {
            row: 0,
            id: id.into(),
            spiffe_id: new.spiffe_id,
            parent_id: new.parent_id,
            selectors: new.selectors.into(),
            x509_svid_ttl: new.x509_svid_ttl,
            jwt_svid_ttl: new.jwt_svid_ttl,
            federates_with: Box::default(),
            admin: new.admin,
            downstream: new.downstream,
            store_svid: new.store_svid,
            expires_at: new.expires_at,
            dns_names: new.dns_names.into_iter().map(Into::into).collect(),
            revision: 0,
            hint: new.hint.into(),
            created_at: self.now_seconds,
            attributes: new.attributes,
        };
        let sql = "INSERT INTO registered_entries (created_at, updated_at, entry_id, spiffe_id, \
                   parent_id, ttl, admin, downstream, expiry, revision_number, store_svid, hint, \
                   jwt_svid_ttl, additional_attributes) VALUES (:now, :now, :entry_id, :spiffe_id, \
                   :parent_id, :ttl, :admin, :downstream, :expiry, :revision, :store_svid, :hint, \
                   :jwt_ttl, :attributes)";
        entry.row = self.insert(
            sql,
            named_params! {
                ":now": self.now, ":entry_id": entry.id, ":spiffe_id": entry.spiffe_id.as_str(),
                ":parent_id": entry.parent_id.as_str(), ":ttl": entry.x509_svid_ttl,
                ":admin": entry.admin, ":downstream": entry.downstream,
                ":expiry": entry.expires_at, ":revision": entry.revision,
                ":store_svid": entry.store_svid, ":hint": entry.hint,
                ":jwt_ttl": entry.jwt_svid_ttl,
                ":attributes": blob::encode_attributes(entry.attributes),
            },
        )?;
        entry.federates_with = self.put_federates_with(entry.row, &new.federates_with)?;
        self.put_selectors(&entry)?;
        self.put_dns_names(&entry)?;
        self.entry_put(entry)
    }

    fn entry_put(&mut self, entry: Entry) -> Result<Arc<Entry>, StoreError> {
        self.entry_event(&entry.id)?;
        let entry = Arc::new(entry);
        self.changed(Change::EntryPut(Arc::clone(&entry)));
        Ok(entry)
    }

    /// Answers the trust domains in the order in which they will be read.
    fn put_federates_with(
        &self,
        row: i64,
        domains: &[TrustDomain],
    ) -> Result<Box<[TrustDomain]>, StoreError> {
        let mut bundles = Vec::with_capacity(domains.len());
        for domain in domains {
            let id = domain.id();
            let sql = "SELECT id FROM bundles WHERE trust_domain = ?";
            let bundle = find(self.connection(), sql, [id.as_str()], |row| {
                row.get::<_, i64>(0)
            })?;
            let missing = || StoreError::NoFederatedBundle(id.to_string());
            bundles.push((bundle.ok_or_else(missing)?, domain.clone()));
        }
        bundles.sort_unstable();
        bundles.dedup();
        let sql = "INSERT INTO federated_registration_entries (bundle_id, registered_entry_id) \
                   VALUES (?, ?)";
        for (bundle, _) in &bundles {
            self.execute(sql, [*bundle, row])?;
        }
        Ok(bundles.into_iter().map(|(_, domain)| domain).collect())
    }

    fn put_selectors(&self, entry: &Entry) -> Result<(), StoreError> {
        let sql = "INSERT INTO selectors (created_at, updated_at, registered_entry_id, type, value) \
                   VALUES (?1, ?1, ?2, ?3, ?4)";
        entry.selectors.iter().try_for_each(|selector| {
            self.execute(
                sql,
                (&self.now, entry.row, selector.kind(), selector.value()),
            )
            .map(|_| ())
        })
    }

    fn put_dns_names(&self, entry: &Entry) -> Result<(), StoreError> {
        let sql = "INSERT INTO dns_names (created_at, updated_at, registered_entry_id, value) \
                   VALUES (?1, ?1, ?2, ?3)";
        let mut names = entry.dns_names.iter();
        names.try_for_each(|name| self.execute(sql, (&self.now, entry.row, name)).map(|_| ()))
    }

    /// Changes an entry; its revision grows by one.
    pub(crate) fn update_entry(&mut self, update: EntryUpdate) -> Result<Arc<Entry>, StoreError> {
        let old = fetch(self.connection(), &update.id)?.ok_or(StoreError::NotFound)?;
        let mut entry = changed(&old, &update.changes);
        check_storable(&entry)?;
        if entry.selectors != old.selectors {
            self.execute(
                "DELETE FROM selectors WHERE registered_entry_id = ?",
                [entry.row],
            )?;
            self.put_selectors(&entry)?;
        }
        if entry.dns_names != old.dns_names {
            self.execute(
                "DELETE FROM dns_names WHERE registered_entry_id = ?",
                [entry.row],
            )?;
            self.put_dns_names(&entry)?;
        }
        if let Some(domains) = &update.changes.federates_with {
            self.clear_federates_with(entry.row)?;
            entry.federates_with = self.put_federates_with(entry.row, domains)?;
        }
        self.write_entry_row(&entry)?;
        self.entry_put(entry)
    }

    fn write_entry_row(&self, entry: &Entry) -> Result<(), StoreError> {
        let sql = "UPDATE registered_entries SET updated_at = :now, spiffe_id = :spiffe_id, \
                   parent_id = :parent_id, ttl = :ttl, admin = :admin, downstream = :downstream, \
                   expiry = :expiry, revision_number = :revision, store_svid = :store_svid, \
                   hint = :hint, jwt_svid_ttl = :jwt_ttl, additional_attributes = :attributes \
                   WHERE id = :id";
        let row = named_params! {
            ":now": self.now, ":id": entry.row, ":spiffe_id": entry.spiffe_id.as_str(),
            ":parent_id": entry.parent_id.as_str(), ":ttl": entry.x509_svid_ttl,
            ":admin": entry.admin, ":downstream": entry.downstream, ":expiry": entry.expires_at,
            ":revision": entry.revision, ":store_svid": entry.store_svid, ":hint": entry.hint,
            ":jwt_ttl": entry.jwt_svid_ttl,
            ":attributes": blob::encode_attributes(entry.attributes),
        };
        self.execute(sql, row).map(|_| ())
    }

    fn clear_federates_with(&self, row: i64) -> Result<(), StoreError> {
        let sql = "DELETE FROM federated_registration_entries WHERE registered_entry_id = ?";
        self.execute(sql, [row]).map(|_| ())
    }

    /// Deletes an entry and answers what it was.
    pub(crate) fn delete_entry(&mut self, entry_id: &str) -> Result<Arc<Entry>, StoreError> {
        let entry = fetch(self.connection(), entry_id)?.ok_or(StoreError::NotFound)?;
        self.clear_federates_with(entry.row)?;
        for sql in [
            "DELETE FROM selectors WHERE registered_entry_id = ?",
            "DELETE FROM dns_names WHERE registered_entry_id = ?",
            "DELETE FROM registered_entries WHERE id = ?",
        ] {
            self.execute(sql, [entry.row])?;
        }
        self.entry_event(&entry.id)?;
        self.changed(Change::EntryDeleted(entry.id.clone()));
        Ok(Arc::new(entry))
    }

    /// Deletes up to `limit` of the entries that ended before `before`.
    pub(crate) fn prune_entries(
        &mut self,
        before: i64,
        limit: usize,
    ) -> Result<Vec<Arc<Entry>>, StoreError> {
        let sql =
            "SELECT entry_id FROM registered_entries WHERE expiry != 0 AND expiry < ? LIMIT ?";
        let ended: Vec<String> = all(self.connection(), sql, (before, limit as i64), |row| {
            row.get(0)
        })?;
        ended.iter().map(|id| self.delete_entry(id)).collect()
    }

    /// Tells the observers of an entry that something else has changed, and counts it.
    pub(crate) fn entry_touched(&mut self, row: i64) -> Result<(), StoreError> {
        let entry = fetch_row(self.connection(), row)?;
        self.entry_put(entry).map(|_| ())
    }

    /// The IDs of the entries with this parent.
    pub(crate) fn entries_below(&self, parent: &SpiffeId) -> Result<Vec<Entry>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM registered_entries WHERE parent_id = ?");
        let rows = all(self.connection(), &sql, [parent.as_str()], RawEntry::read)?;
        rows.into_iter()
            .map(|raw| complete(self.connection(), raw))
            .collect()
    }
}

fn changed(old: &Entry, changes: &EntryChanges) -> Entry {
    let mut entry = old.clone();
    entry.revision += 1;
    set(&mut entry.spiffe_id, changes.spiffe_id.as_ref());
    set(&mut entry.parent_id, changes.parent_id.as_ref());
    set(&mut entry.x509_svid_ttl, changes.x509_svid_ttl.as_ref());
    set(&mut entry.jwt_svid_ttl, changes.jwt_svid_ttl.as_ref());
    set(&mut entry.admin, changes.admin.as_ref());
    set(&mut entry.downstream, changes.downstream.as_ref());
    set(&mut entry.store_svid, changes.store_svid.as_ref());
    set(&mut entry.expires_at, changes.expires_at.as_ref());
    set(&mut entry.attributes, changes.attributes.as_ref());
    if let Some(selectors) = &changes.selectors {
        entry.selectors = selectors.clone().into();
    }
    if let Some(names) = &changes.dns_names {
        entry.dns_names = names.iter().map(|name| name.as_str().into()).collect();
    }
    if let Some(hint) = &changes.hint {
        entry.hint = hint.as_str().into();
    }
    entry
}

fn set<T: Clone>(value: &mut T, new: Option<&T>) {
    if let Some(new) = new {
        value.clone_from(new);
    }
}

/// An SVID that goes to a store goes by selectors of one store.
fn check_storable(entry: &Entry) -> Result<(), StoreError> {
    let one_kind = entry
        .selectors
        .windows(2)
        .all(|pair| pair[0].kind() == pair[1].kind());
    if entry.store_svid && !one_kind {
        return Err(StoreError::Invalid(
            "invalid registration entry: selector types must be the same when store SVID is enabled"
                .to_owned(),
        ));
    }
    Ok(())
}
