//! Selectors and filters by them.

use steeple_proto::types;
use steeple_registry::{Match, SelectorInput, SelectorMatch};
use steeple_spiffe::Selector;

use crate::fail::Failure;

pub(crate) fn to_wire(selectors: &[Selector]) -> Vec<types::Selector> {
    selectors
        .iter()
        .map(|selector| types::Selector {
            r#type: selector.kind().to_owned(),
            value: selector.value().to_owned(),
        })
        .collect()
}

pub(crate) fn from_wire(selectors: Vec<types::Selector>) -> Vec<SelectorInput> {
    selectors
        .into_iter()
        .map(|selector| SelectorInput {
            kind: selector.r#type,
            value: selector.value,
        })
        .collect()
}

/// A filter; `what` begins the refusal of a relation that does not exist.
pub(crate) fn match_from_wire(
    filter: Option<types::SelectorMatch>,
    what: &str,
) -> Result<Option<SelectorMatch>, Failure> {
    let Some(filter) = filter else {
        return Ok(None);
    };
    let how = relation(filter.r#match, what)?;
    Ok(Some(SelectorMatch {
        selectors: from_wire(filter.selectors),
        how,
    }))
}

pub(crate) fn relation(number: i32, what: &str) -> Result<Match, Failure> {
    Match::from_wire(number).ok_or_else(|| {
        let why = format!("unhandled match behavior {number}; it is 0 (exact) to 3 (any)");
        Failure::because(tonic::Code::InvalidArgument, what, why)
    })
}
