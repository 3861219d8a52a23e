//! Entries as they come in requests, and the one step that makes them into records.

use steeple_spiffe::{Selector, TrustDomain};
use steeple_store::{EntryAttributes, EntryChanges, NewEntry};

use super::dns;
use crate::{
    RegistryError, SelectorInput,
    ids::{self, IdInput},
    selectors,
};

const LONGEST_HINT: usize = 1024;
const LONGEST_ID: usize = 255;

/// An entry as the wire has it, unchecked.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct EntryInput {
    /// The entry's ID; empty in a creation to have one made up.
    pub id: String,
    /// The identity that is issued.
    pub spiffe_id: Option<IdInput>,
    /// The agent or other identity that may issue it.
    pub parent_id: Option<IdInput>,
    /// What a workload must have.
    pub selectors: Vec<SelectorInput>,
    /// Seconds.
    pub x509_svid_ttl: i32,
    /// Seconds.
    pub jwt_svid_ttl: i32,
    /// Names of trust domains.
    pub federates_with: Vec<String>,
    /// The identity may administer the server.
    pub admin: bool,
    /// The identity may get an intermediate CA.
    pub downstream: bool,
    /// The SVID goes to a store.
    pub store_svid: bool,
    /// Unix seconds.
    pub expires_at: i64,
    /// DNS names in the X.509-SVID.
    pub dns_names: Vec<String>,
    /// Tells a workload which of its SVIDs this is.
    pub hint: String,
    /// Settings that few use.
    pub attributes: EntryAttributes,
}

/// Which values of an input an update takes over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "each is named after the value in EntryInput")]
pub struct EntryMask {
    pub spiffe_id: bool,
    pub parent_id: bool,
    pub selectors: bool,
    pub x509_svid_ttl: bool,
    pub jwt_svid_ttl: bool,
    pub federates_with: bool,
    pub admin: bool,
    pub downstream: bool,
    pub store_svid: bool,
    pub expires_at: bool,
    pub dns_names: bool,
    pub hint: bool,
    pub attributes: bool,
}

impl EntryMask {
    /// Everything: what an absent mask means.
    pub const ALL: Self = Self {
        spiffe_id: true,
        parent_id: true,
        selectors: true,
        x509_svid_ttl: true,
        jwt_svid_ttl: true,
        federates_with: true,
        admin: true,
        downstream: true,
        store_svid: true,
        expires_at: true,
        dns_names: true,
        hint: true,
        attributes: true,
    };
}

impl EntryInput {
    /// Checks an entry that is to be created.
    pub(super) fn check_new(&self, domain: &TrustDomain) -> Result<NewEntry, RegistryError> {
        let refuse = |why: String| RegistryError::invalid(super::CREATE, why);
        let changes = self.changes(domain, &EntryMask::ALL).map_err(convert)?;
        let (Some(spiffe_id), Some(parent_id)) = (changes.spiffe_id, changes.parent_id) else {
            return Err(convert("request must specify SPIFFE ID".to_owned()));
        };
        let selectors = changes.selectors.unwrap_or_default();
        let id = Some(self.id.clone()).filter(|id| !id.is_empty());
        if self.store_svid && self.attributes.disable_x509_svid_prefetch {
            return Err(refuse(validation(
                "specifying cache behaviour is incompatible with storable SVIDs",
            )));
        }
        if self.store_svid && !one_kind(&selectors) {
            return Err(refuse(validation(MIXED_SELECTORS)));
        }
        check_id(&self.id).map_err(refuse)?;
        check_ttls(self, &EntryMask::ALL).map_err(refuse)?;
        Ok(NewEntry {
            id,
            spiffe_id,
            parent_id,
            selectors,
            x509_svid_ttl: self.x509_svid_ttl,
            jwt_svid_ttl: self.jwt_svid_ttl,
            federates_with: changes.federates_with.unwrap_or_default(),
            admin: self.admin,
            downstream: self.downstream,
            store_svid: self.store_svid,
            expires_at: self.expires_at,
            dns_names: self.dns_names.clone(),
            hint: self.hint.clone(),
            attributes: self.attributes,
        })
    }

    /// Checks what an update is to change. What depends on the values that stay is checked by the
    /// store, in the transaction.
    pub(super) fn check_changes(
        &self,
        domain: &TrustDomain,
        mask: &EntryMask,
    ) -> Result<EntryChanges, RegistryError> {
        let changes = self.changes(domain, mask).map_err(convert)?;
        check_ttls(self, mask).map_err(|why| RegistryError::invalid(super::UPDATE, why))?;
        Ok(changes)
    }

    /// Reads the values that `mask` names, in SPIRE's order, so that of several mistakes the same
    /// one is told.
    fn changes(&self, domain: &TrustDomain, mask: &EntryMask) -> Result<EntryChanges, String> {
        let parent_id = mask
            .parent_id
            .then(|| ids::member(domain, self.parent_id.as_ref()));
        let parent_id = parent_id
            .transpose()
            .map_err(|e| format!("invalid parent ID: {e}"))?;
        let spiffe_id = mask
            .spiffe_id
            .then(|| ids::workload(domain, self.spiffe_id.as_ref()));
        let spiffe_id = spiffe_id
            .transpose()
            .map_err(|e| format!("invalid spiffe ID: {e}"))?;
        let dns_names = mask
            .dns_names
            .then(|| self.checked_dns_names())
            .transpose()?;
        let federates_with = mask.federates_with.then(|| self.domains()).transpose()?;
        let selectors = mask
            .selectors
            .then(|| self.checked_selectors())
            .transpose()?;
        if mask.hint && self.hint.len() > LONGEST_HINT {
            return Err(format!(
                "hint is too long, max length is {LONGEST_HINT} characters"
            ));
        }
        Ok(EntryChanges {
            spiffe_id,
            parent_id,
            selectors,
            x509_svid_ttl: mask.x509_svid_ttl.then_some(self.x509_svid_ttl),
            jwt_svid_ttl: mask.jwt_svid_ttl.then_some(self.jwt_svid_ttl),
            federates_with,
            admin: mask.admin.then_some(self.admin),
            downstream: mask.downstream.then_some(self.downstream),
            store_svid: mask.store_svid.then_some(self.store_svid),
            expires_at: mask.expires_at.then_some(self.expires_at),
            dns_names,
            hint: mask.hint.then(|| self.hint.clone()),
            attributes: mask.attributes.then_some(self.attributes),
        })
    }

    fn checked_dns_names(&self) -> Result<Vec<String>, String> {
        for name in &self.dns_names {
            dns::check(name).map_err(|e| format!("invalid DNS name: {e}"))?;
        }
        Ok(self.dns_names.clone())
    }

    fn domains(&self) -> Result<Vec<TrustDomain>, String> {
        let read = |name: &String| {
            TrustDomain::parse(name).map_err(|e| format!("invalid federated trust domain: {e}"))
        };
        self.federates_with.iter().map(read).collect()
    }

    fn checked_selectors(&self) -> Result<Vec<Selector>, String> {
        if self.selectors.is_empty() {
            return Err("selector list is empty".to_owned());
        }
        Ok(selectors::parse(&self.selectors)?)
    }
}

const MIXED_SELECTORS: &str =
    "invalid registration entry: selector types must be the same when store SVID is enabled";

fn convert(why: String) -> RegistryError {
    RegistryError::invalid("failed to convert entry", why)
}

/// SPIRE makes these checks in its datastore, and clients see it.
fn validation(why: &str) -> String {
    format!("datastore-validation: {why}")
}

fn one_kind(selectors: &[Selector]) -> bool {
    selectors
        .windows(2)
        .all(|pair| pair[0].kind() == pair[1].kind())
}

fn check_id(id: &str) -> Result<(), String> {
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    if id.len() > LONGEST_ID {
        Err(validation("invalid registration entry: entry ID too long"))
    } else if !id.bytes().all(legal) {
        Err(validation(
            "invalid registration entry: entry ID contains invalid characters",
        ))
    } else {
        Ok(())
    }
}

fn check_ttls(input: &EntryInput, mask: &EntryMask) -> Result<(), String> {
    if mask.x509_svid_ttl && input.x509_svid_ttl < 0 {
        return Err(validation(
            "invalid registration entry: X509SvidTtl is not set",
        ));
    }
    if mask.jwt_svid_ttl && input.jwt_svid_ttl < 0 {
        return Err(validation(
            "invalid registration entry: JwtSvidTtl is not set",
        ));
    }
    Ok(())
}
