//! Registration entries.

use steeple_proto::types::{self, entry::AdditionalAttributes};
use steeple_registry::entries::{DomainMatch, EntryFilter, EntryInput, EntryMask};
use steeple_store::{Entry, EntryAttributes};

use super::{id, selector};
use crate::fail::Failure;

const ALL: types::EntryMask = types::EntryMask {
    spiffe_id: true,
    parent_id: true,
    selectors: true,
    x509_svid_ttl: true,
    federates_with: true,
    admin: true,
    downstream: true,
    expires_at: true,
    dns_names: true,
    revision_number: true,
    store_svid: true,
    jwt_svid_ttl: true,
    hint: true,
    created_at: true,
    additional_attributes: true,
};

/// An entry for the wire, with what `mask` names; the ID is always there.
pub(crate) fn to_wire(entry: &Entry, mask: Option<&types::EntryMask>) -> types::Entry {
    let mask = mask.unwrap_or(&ALL);
    let mut wire = types::Entry {
        id: entry.id.to_string(),
        ..types::Entry::default()
    };
    wire.spiffe_id = mask.spiffe_id.then(|| id::to_wire(&entry.spiffe_id));
    wire.parent_id = mask.parent_id.then(|| id::to_wire(&entry.parent_id));
    if mask.selectors {
        wire.selectors = selector::to_wire(&entry.selectors);
    }
    if mask.federates_with {
        wire.federates_with = entry
            .federates_with
            .iter()
            .map(ToString::to_string)
            .collect();
    }
    if mask.dns_names {
        wire.dns_names = entry.dns_names.iter().map(ToString::to_string).collect();
    }
    if mask.hint {
        wire.hint = entry.hint.to_string();
    }
    wire.x509_svid_ttl = kept(mask.x509_svid_ttl, entry.x509_svid_ttl);
    wire.jwt_svid_ttl = kept(mask.jwt_svid_ttl, entry.jwt_svid_ttl);
    wire.admin = mask.admin && entry.admin;
    wire.downstream = mask.downstream && entry.downstream;
    wire.store_svid = mask.store_svid && entry.store_svid;
    wire.expires_at = kept(mask.expires_at, entry.expires_at);
    wire.revision_number = kept(mask.revision_number, entry.revision);
    wire.created_at = kept(mask.created_at, entry.created_at);
    let attributes = Some(entry.attributes).filter(|set| *set != EntryAttributes::default());
    wire.additional_attributes = attributes
        .filter(|_| mask.additional_attributes)
        .map(|set| AdditionalAttributes {
            disable_x509_svid_prefetch: set.disable_x509_svid_prefetch,
            jwt_svid_include_jti: set.jwt_svid_include_jti,
        });
    wire
}

fn kept<T: Default>(keep: bool, value: T) -> T {
    if keep { value } else { T::default() }
}

/// An entry as a request has it.
pub(crate) fn from_wire(wire: types::Entry) -> EntryInput {
    let attributes = wire.additional_attributes.unwrap_or_default();
    EntryInput {
        id: wire.id,
        spiffe_id: id::from_wire(wire.spiffe_id),
        parent_id: id::from_wire(wire.parent_id),
        selectors: selector::from_wire(wire.selectors),
        x509_svid_ttl: wire.x509_svid_ttl,
        jwt_svid_ttl: wire.jwt_svid_ttl,
        federates_with: wire.federates_with,
        admin: wire.admin,
        downstream: wire.downstream,
        store_svid: wire.store_svid,
        expires_at: wire.expires_at,
        dns_names: wire.dns_names,
        hint: wire.hint,
        attributes: EntryAttributes {
            disable_x509_svid_prefetch: attributes.disable_x509_svid_prefetch,
            jwt_svid_include_jti: attributes.jwt_svid_include_jti,
        },
    }
}

/// What an update takes over; everything when there is no mask.
pub(crate) fn mask_from_wire(mask: Option<&types::EntryMask>) -> EntryMask {
    let Some(mask) = mask else {
        return EntryMask::ALL;
    };
    EntryMask {
        spiffe_id: mask.spiffe_id,
        parent_id: mask.parent_id,
        selectors: mask.selectors,
        x509_svid_ttl: mask.x509_svid_ttl,
        jwt_svid_ttl: mask.jwt_svid_ttl,
        federates_with: mask.federates_with,
        admin: mask.admin,
        downstream: mask.downstream,
        store_svid: mask.store_svid,
        expires_at: mask.expires_at,
        dns_names: mask.dns_names,
        hint: mask.hint,
        attributes: mask.additional_attributes,
    }
}

/// The parts of a filter, which two requests have in messages of their own.
pub(crate) struct WireFilter {
    pub(crate) spiffe_id: Option<types::Spiffeid>,
    pub(crate) parent_id: Option<types::Spiffeid>,
    pub(crate) selectors: Option<types::SelectorMatch>,
    pub(crate) federates_with: Option<types::FederatesWithMatch>,
    pub(crate) hint: Option<String>,
    pub(crate) downstream: Option<bool>,
}

pub(crate) fn filter_from_wire(wire: WireFilter) -> Result<EntryFilter, Failure> {
    let federates_with = match wire.federates_with {
        Some(filter) => Some(DomainMatch {
            how: selector::relation(filter.r#match, "malformed federates with filter")?,
            trust_domains: filter.trust_domains,
        }),
        None => None,
    };
    Ok(EntryFilter {
        parent_id: id::from_wire(wire.parent_id),
        spiffe_id: id::from_wire(wire.spiffe_id),
        selectors: selector::match_from_wire(wire.selectors, "malformed selectors filter")?,
        federates_with,
        hint: wire.hint,
        downstream: wire.downstream,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire() -> types::Entry {
        let id = |path: &str| {
            Some(types::Spiffeid {
                trust_domain: "td".to_owned(),
                path: path.to_owned(),
            })
        };
        let selector = types::Selector {
            r#type: "unix".to_owned(),
            value: "uid:1".to_owned(),
        };
        types::Entry {
            id: "e".to_owned(),
            spiffe_id: id("/w"),
            parent_id: id("/p"),
            selectors: vec![selector],
            x509_svid_ttl: 1,
            federates_with: vec!["other".to_owned()],
            admin: true,
            downstream: true,
            expires_at: 2,
            dns_names: vec!["b".to_owned(), "a".to_owned()],
            revision_number: 3,
            store_svid: true,
            jwt_svid_ttl: 4,
            hint: "h".to_owned(),
            created_at: 5,
            additional_attributes: Some(AdditionalAttributes {
                disable_x509_svid_prefetch: true,
                jwt_svid_include_jti: false,
            }),
        }
    }

    fn record() -> Entry {
        let domain = steeple_spiffe::TrustDomain::parse("td").unwrap();
        Entry {
            row: 9,
            id: "e".into(),
            spiffe_id: domain.member("/w").unwrap(),
            parent_id: domain.member("/p").unwrap(),
            selectors: ["unix:uid:1".parse().unwrap()].into(),
            x509_svid_ttl: 1,
            jwt_svid_ttl: 4,
            federates_with: [steeple_spiffe::TrustDomain::parse("other").unwrap()].into(),
            admin: true,
            downstream: true,
            store_svid: true,
            expires_at: 2,
            dns_names: ["b".into(), "a".into()].into(),
            revision: 3,
            hint: "h".into(),
            created_at: 5,
            attributes: EntryAttributes {
                disable_x509_svid_prefetch: true,
                jwt_svid_include_jti: false,
            },
        }
    }

    #[test]
    fn everything_arrives() {
        assert_eq!(to_wire(&record(), None), wire());
        assert_eq!(from_wire(wire()).dns_names, ["b", "a"]);
        assert!(from_wire(wire()).attributes.disable_x509_svid_prefetch);
    }

    #[test]
    fn a_mask_leaves_only_what_it_names() {
        let masked = to_wire(&record(), Some(&types::EntryMask::default()));
        assert_eq!(
            masked,
            types::Entry {
                id: "e".to_owned(),
                ..types::Entry::default()
            }
        );
        let mask = types::EntryMask {
            hint: true,
            ..types::EntryMask::default()
        };
        assert_eq!(to_wire(&record(), Some(&mask)).hint, "h");
    }

    #[test]
    fn an_unknown_relation_is_the_callers_mistake() {
        let filter = WireFilter {
            spiffe_id: None,
            parent_id: None,
            selectors: Some(types::SelectorMatch {
                selectors: Vec::new(),
                r#match: 9,
            }),
            federates_with: None,
            hint: None,
            downstream: None,
        };
        let status = tonic::Status::from(filter_from_wire(filter).unwrap_err());
        assert_eq!(status.code(), tonic::Code::InvalidArgument);
    }
}
