//! What commands that look for entries or agents share: IDs, selectors and how they match.

use steeple_proto::types::{
    Selector, SelectorMatch, Spiffeid, federates_with_match, selector_match,
};
use steeple_spiffe::{IdError, SpiffeId};

use crate::{error::CommandError, goflag::quote};

/// A SPIFFE ID as the wire has it.
pub(crate) fn spiffe_id(text: &str) -> Result<Spiffeid, IdError> {
    let id = SpiffeId::parse(text)?;
    Ok(Spiffeid {
        trust_domain: id.trust_domain_str().to_owned(),
        path: id.path().to_owned(),
    })
}

/// A SPIFFE ID from the wire as text; empty when there is none.
pub(crate) fn id_text(id: Option<&Spiffeid>) -> String {
    id.map(|id| format!("spiffe://{}{}", id.trust_domain, id.path))
        .unwrap_or_default()
}

/// A selector written `type:value`; the server decides whether the parts are acceptable.
pub(crate) fn selector(text: &str) -> Result<Selector, String> {
    match text.split_once(':') {
        Some((kind, value)) => Ok(Selector {
            r#type: kind.to_owned(),
            value: value.to_owned(),
        }),
        None => Err(format!(
            "selector \"{text}\" must be formatted as type:value"
        )),
    }
}

/// The filter by selectors; `explain` words a bad selector.
pub(crate) fn selector_match(
    selectors: &[String],
    how: &str,
    explain: impl Fn(&str, String) -> String,
) -> Result<Option<SelectorMatch>, CommandError> {
    if selectors.is_empty() {
        return Ok(None);
    }
    let how = behavior(how)?;
    let selectors = selectors
        .iter()
        .map(|text| selector(text).map_err(|why| CommandError::Usage(explain(text, why))))
        .collect::<Result<_, _>>()?;
    Ok(Some(SelectorMatch {
        selectors,
        r#match: how as i32,
    }))
}

/// The words for how a set must compare.
pub(crate) fn behavior(word: &str) -> Result<selector_match::MatchBehavior, CommandError> {
    use selector_match::MatchBehavior;
    Ok(match word {
        "exact" => MatchBehavior::MatchExact,
        "any" => MatchBehavior::MatchAny,
        "superset" => MatchBehavior::MatchSuperset,
        "subset" => MatchBehavior::MatchSubset,
        _ => {
            let word = quote(word);
            return Err(CommandError::Usage(format!(
                "match behavior {word} unknown"
            )));
        }
    })
}

/// The same words for trust domains.
pub(crate) fn federates_behavior(
    word: &str,
) -> Result<federates_with_match::MatchBehavior, CommandError> {
    use federates_with_match::MatchBehavior as Federates;
    use selector_match::MatchBehavior as Selectors;
    Ok(match behavior(word)? {
        Selectors::MatchExact => Federates::MatchExact,
        Selectors::MatchAny => Federates::MatchAny,
        Selectors::MatchSuperset => Federates::MatchSuperset,
        Selectors::MatchSubset => Federates::MatchSubset,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_needs_a_colon() {
        let found = selector("k8s:ns:app").unwrap();
        assert_eq!(
            (found.r#type.as_str(), found.value.as_str()),
            ("k8s", "ns:app")
        );
        assert_eq!(
            selector("abc").unwrap_err(),
            "selector \"abc\" must be formatted as type:value"
        );
    }

    #[test]
    fn match_words() {
        assert_eq!(behavior("any").unwrap() as i32, 3);
        assert_eq!(federates_behavior("superset").unwrap() as i32, 2);
        assert_eq!(
            behavior("zz").unwrap_err().to_string(),
            "match behavior \"zz\" unknown"
        );
    }
}
