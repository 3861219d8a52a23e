//! Which entries a list wants.

use std::sync::Arc;

use steeple_spiffe::{Selector, SpiffeId, TrustDomain};
use steeple_store::Entry;

use crate::{
    Match, RegistryError, SelectorMatch,
    ids::{self, IdInput},
    index::Index,
    selectors,
};

/// Which entries are wanted, as the wire has it; the default is all.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct EntryFilter {
    /// With this parent.
    pub parent_id: Option<IdInput>,
    /// With this identity.
    pub spiffe_id: Option<IdInput>,
    /// By selectors.
    pub selectors: Option<SelectorMatch>,
    /// By the trust domains they federate with.
    pub federates_with: Option<DomainMatch>,
    /// With this hint; an empty one asks for nothing.
    pub hint: Option<String>,
    /// Downstream ones. `Some(false)` asks for nothing, as with SPIRE.
    pub downstream: Option<bool>,
}

/// A filter by trust domains.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DomainMatch {
    /// Names of trust domains.
    pub trust_domains: Vec<String>,
    /// The relation.
    pub how: Match,
}

impl EntryFilter {
    pub(super) fn read(&self, domain: &TrustDomain) -> Result<Wanted<'_>, RegistryError> {
        let parent = self
            .parent_id
            .as_ref()
            .map(|id| ids::member(domain, Some(id)));
        let spiffe = self
            .spiffe_id
            .as_ref()
            .map(|id| ids::workload(domain, Some(id)));
        Ok(Wanted {
            parent: parent
                .transpose()
                .map_err(|e| RegistryError::invalid("malformed parent ID filter", e))?,
            spiffe_id: spiffe
                .transpose()
                .map_err(|e| RegistryError::invalid("malformed SPIFFE ID filter", e))?,
            selectors: self.selectors.as_ref().map(read_selectors).transpose()?,
            domains: self.federates_with.as_ref().map(read_domains).transpose()?,
            hint: self.hint.as_deref().filter(|hint| !hint.is_empty()),
            downstream: self.downstream == Some(true),
        })
    }
}

fn read_selectors(given: &SelectorMatch) -> Result<(Vec<Selector>, Match), RegistryError> {
    let refuse = |why: &str| RegistryError::invalid("malformed selectors filter", why);
    let parsed = selectors::parse(&given.selectors).map_err(refuse)?;
    if parsed.is_empty() {
        return Err(refuse("empty selector set"));
    }
    Ok((parsed, given.how))
}

fn read_domains(given: &DomainMatch) -> Result<(Vec<TrustDomain>, Match), RegistryError> {
    let refuse = |why: &dyn std::fmt::Display| {
        RegistryError::invalid("malformed federates with filter", why)
    };
    let parsed: Result<Vec<_>, _> = given
        .trust_domains
        .iter()
        .map(|name| TrustDomain::parse(name))
        .collect();
    let parsed = parsed.map_err(|error| refuse(&error))?;
    if parsed.is_empty() {
        return Err(refuse(&"empty trust domain set"));
    }
    Ok((parsed, given.how))
}

/// A filter that has been read.
pub(super) struct Wanted<'a> {
    parent: Option<SpiffeId>,
    spiffe_id: Option<SpiffeId>,
    selectors: Option<(Vec<Selector>, Match)>,
    domains: Option<(Vec<TrustDomain>, Match)>,
    hint: Option<&'a str>,
    downstream: bool,
}

impl Wanted<'_> {
    /// The entries after row `after` among which all that match are, in row order.
    pub(super) fn candidates<'i>(
        &'i self,
        index: &'i Index,
        after: i64,
    ) -> Box<dyn Iterator<Item = &'i Arc<Entry>> + 'i> {
        match (&self.spiffe_id, &self.parent) {
            (Some(id), _) => Box::new(index.issuing_after(id, after)),
            (None, Some(parent)) => Box::new(index.children_after(parent, after)),
            (None, None) => Box::new(index.entries_after(after)),
        }
    }

    pub(super) fn matches(&self, entry: &Entry) -> bool {
        self.parent.as_ref().is_none_or(|id| *id == entry.parent_id)
            && self
                .spiffe_id
                .as_ref()
                .is_none_or(|id| *id == entry.spiffe_id)
            && self.hint.is_none_or(|hint| *hint == *entry.hint)
            && (!self.downstream || entry.downstream)
            && self
                .selectors
                .as_ref()
                .is_none_or(|(set, how)| how.holds(set, &entry.selectors))
            && self
                .domains
                .as_ref()
                .is_none_or(|(set, how)| how.holds(set, &entry.federates_with))
    }
}
