//! The order in which entries are shown.

use std::cmp::Ordering;

use steeple_proto::types::{Entry, Selector, Spiffeid};

/// Sorts the selectors of each entry, then the entries: by SPIFFE ID, parent, lifetimes and
/// selectors (fewer first).
pub(crate) fn entries(entries: &mut [Entry]) {
    for entry in entries.iter_mut() {
        entry
            .selectors
            .sort_by(|a, b| selector_key(a).cmp(&selector_key(b)));
    }
    entries.sort_by(compare);
}

fn compare(a: &Entry, b: &Entry) -> Ordering {
    id_key(a.spiffe_id.as_ref())
        .cmp(&id_key(b.spiffe_id.as_ref()))
        .then_with(|| id_key(a.parent_id.as_ref()).cmp(&id_key(b.parent_id.as_ref())))
        .then_with(|| a.x509_svid_ttl.cmp(&b.x509_svid_ttl))
        .then_with(|| a.jwt_svid_ttl.cmp(&b.jwt_svid_ttl))
        .then_with(|| a.selectors.len().cmp(&b.selectors.len()))
        .then_with(|| {
            a.selectors
                .iter()
                .map(selector_key)
                .cmp(b.selectors.iter().map(selector_key))
        })
}

fn id_key(id: Option<&Spiffeid>) -> (&str, &str) {
    id.map(|id| (id.trust_domain.as_str(), id.path.as_str()))
        .unwrap_or_default()
}

fn selector_key(selector: &Selector) -> (&str, &str) {
    (&selector.r#type, &selector.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, path: &str, parent: &str, ttl: i32, selectors: &[&str]) -> Entry {
        let id = |path: &str| {
            Some(Spiffeid {
                trust_domain: "a".into(),
                path: path.into(),
            })
        };
        let selector = |value: &&str| Selector {
            r#type: "unix".into(),
            value: (*value).to_owned(),
        };
        Entry {
            id: name.into(),
            spiffe_id: id(path),
            parent_id: id(parent),
            x509_svid_ttl: ttl,
            selectors: selectors.iter().map(selector).collect(),
            ..Default::default()
        }
    }

    #[test]
    fn each_key_decides_where_the_ones_before_tie() {
        let mut list = vec![
            entry("6", "/b", "/p", 2, &["z"]),
            entry("5", "/b", "/p", 1, &["x", "w"]),
            entry("4", "/b", "/p", 1, &["b"]),
            entry("3", "/b", "/p", 1, &["a"]),
            entry("2", "/b", "/o", 9, &["z"]),
            entry("1", "/a", "/z", 9, &["z"]),
        ];
        entries(&mut list);
        let order: Vec<&str> = list.iter().map(|entry| entry.id.as_str()).collect();
        assert_eq!(order, ["1", "2", "3", "4", "5", "6"]);
        let values: Vec<&str> = list[4].selectors.iter().map(|s| s.value.as_str()).collect();
        assert_eq!(values, ["w", "x"]);
    }
}
