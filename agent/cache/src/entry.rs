//! A registration entry, as far as an agent needs to know it.

use steeple_proto::types;
use steeple_spiffe::{IdError, Selector, SelectorError, SpiffeId, TrustDomain};

/// Why an entry of the server cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EntryError {
    /// It has no id.
    #[error("missing entry ID")]
    NoId,
    /// It has no SPIFFE ID.
    #[error("missing SPIFFE ID")]
    NoSpiffeId,
    /// Its SPIFFE ID is invalid.
    #[error("invalid SPIFFE ID: {0}")]
    SpiffeId(IdError),
    /// It has no selectors, so it would match every process.
    #[error("missing selectors")]
    NoSelectors,
    /// One of its selectors is invalid.
    #[error("invalid selector: {0}")]
    Selector(SelectorError),
}

/// Which selectors get which SPIFFE ID, and with what.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// The server's id for it.
    pub id: String,
    /// The identity.
    pub spiffe_id: SpiffeId,
    /// What a process must have, sorted, each once; never empty.
    pub selectors: Vec<Selector>,
    /// Whose bundles come along.
    pub federates_with: Vec<TrustDomain>,
    /// Whether the identity may administer the server.
    pub admin: bool,
    /// Whether the identity is a server below ours.
    pub downstream: bool,
    /// Whether its SVIDs go to a secret store and not to processes.
    pub store_svid: bool,
    /// Tells several identities of one process apart.
    pub hint: String,
    /// Grows with each change of the entry.
    pub revision: i64,
    /// When it was made, in unix seconds.
    pub created_at: i64,
    /// Whether an X.509-SVID is made only once somebody asks for it.
    pub disable_prefetch: bool,
    /// Whether each JWT-SVID gets an id of its own, and so none is kept.
    pub jwt_include_jti: bool,
}

impl Entry {
    /// Whether the server's entry is another than this: changed, or made anew under the same id.
    /// Old servers do not say when an entry was made (0).
    pub fn is_stale(&self, revision: i64, created_at: i64) -> bool {
        self.revision != revision || (created_at != 0 && self.created_at != created_at)
    }

    /// The mask that asks a server for what is kept here.
    pub(crate) fn mask() -> types::EntryMask {
        types::EntryMask {
            spiffe_id: true,
            selectors: true,
            federates_with: true,
            admin: true,
            downstream: true,
            revision_number: true,
            store_svid: true,
            hint: true,
            additional_attributes: true,
            created_at: true,
            ..Default::default()
        }
    }
}

impl TryFrom<types::Entry> for Entry {
    type Error = EntryError;

    fn try_from(entry: types::Entry) -> Result<Self, EntryError> {
        if entry.id.is_empty() {
            return Err(EntryError::NoId);
        }
        let spiffe_id = entry.spiffe_id.ok_or(EntryError::NoSpiffeId)?;
        let mut selectors = entry
            .selectors
            .iter()
            .map(|selector| Selector::new(&selector.r#type, &selector.value))
            .collect::<Result<Vec<_>, _>>()
            .map_err(EntryError::Selector)?;
        selectors.sort();
        selectors.dedup();
        if selectors.is_empty() {
            return Err(EntryError::NoSelectors);
        }
        let attributes = entry.additional_attributes.unwrap_or_default();
        Ok(Self {
            id: entry.id,
            spiffe_id: id_from_proto(&spiffe_id).map_err(EntryError::SpiffeId)?,
            selectors,
            // One that cannot be read cannot be served either, and must not cost the identity.
            federates_with: entry
                .federates_with
                .iter()
                .filter_map(|name| TrustDomain::parse(name).ok())
                .collect(),
            admin: entry.admin,
            downstream: entry.downstream,
            store_svid: entry.store_svid,
            hint: entry.hint,
            revision: entry.revision_number,
            created_at: entry.created_at,
            disable_prefetch: attributes.disable_x509_svid_prefetch,
            jwt_include_jti: attributes.jwt_svid_include_jti,
        })
    }
}

/// Reads an ID that came in two parts.
pub(crate) fn id_from_proto(id: &types::Spiffeid) -> Result<SpiffeId, IdError> {
    TrustDomain::parse(&id.trust_domain)?.member(&id.path)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An entry of the server for `/name` and unix selectors, for the tests of this crate.
    pub(crate) fn proto(id: &str, name: &str, selectors: &[&str]) -> types::Entry {
        types::Entry {
            id: id.to_owned(),
            spiffe_id: Some(types::Spiffeid {
                trust_domain: "example.org".to_owned(),
                path: format!("/{name}"),
            }),
            selectors: selectors
                .iter()
                .map(|value| types::Selector {
                    r#type: "unix".to_owned(),
                    value: (*value).to_owned(),
                })
                .collect(),
            created_at: 1,
            ..Default::default()
        }
    }

    pub(crate) fn entry(id: &str, name: &str, selectors: &[&str]) -> Entry {
        Entry::try_from(proto(id, name, selectors)).unwrap()
    }

    #[test]
    fn reads_and_sorts() {
        let entry = entry("1", "a", &["uid:2", "gid:1", "uid:2"]);
        let values: Vec<_> = entry.selectors.iter().map(Selector::value).collect();
        assert_eq!(values, ["gid:1", "uid:2"]);
        assert_eq!(entry.spiffe_id.as_str(), "spiffe://example.org/a");
    }

    #[test]
    fn refuses_what_cannot_be_matched_or_named() {
        assert!(matches!(
            Entry::try_from(proto("", "a", &["x"])),
            Err(EntryError::NoId)
        ));
        assert!(matches!(
            Entry::try_from(proto("1", "a", &[])),
            Err(EntryError::NoSelectors)
        ));
        assert!(matches!(
            Entry::try_from(proto("1", "a", &[""])),
            Err(EntryError::Selector(_))
        ));
        assert!(matches!(
            Entry::try_from(proto("1", "a b", &["x"])),
            Err(EntryError::SpiffeId(_))
        ));
    }

    #[test]
    fn another_entry_under_the_same_id_is_stale() {
        let entry = entry("1", "a", &["x"]);
        assert!(!entry.is_stale(0, 1));
        assert!(!entry.is_stale(0, 0));
        assert!(entry.is_stale(1, 1));
        assert!(entry.is_stale(0, 2));
    }
}
