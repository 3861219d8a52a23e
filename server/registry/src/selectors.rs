//! Selectors as they come in requests, and how sets of them are matched.

use std::collections::HashSet;
use std::hash::Hash;

use steeple_spiffe::{Selector, SelectorError};

/// A selector as the wire has it, unchecked.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SelectorInput {
    /// The attestor's name.
    pub kind: String,
    /// What it found.
    pub value: String,
}

/// How a set of values in a filter relates to a record's set. `values` are of the filter.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Match {
    /// The record has exactly the filter's.
    Exact,
    /// The record has nothing that the filter does not have, and something that it has.
    Subset,
    /// The record has all of the filter's, and maybe more.
    Superset,
    /// The record has at least one of the filter's.
    Any,
}

impl Match {
    /// The wire's number of the behaviour.
    pub fn from_wire(number: i32) -> Option<Self> {
        Some(match number {
            0 => Self::Exact,
            1 => Self::Subset,
            2 => Self::Superset,
            3 => Self::Any,
            _ => return None,
        })
    }

    /// Whether a record's set satisfies the filter's.
    pub(crate) fn holds<T: Eq + Hash>(self, filter: &[T], record: &[T]) -> bool {
        let filter: HashSet<&T> = filter.iter().collect();
        let common = record
            .iter()
            .filter(|item| filter.contains(item))
            .collect::<HashSet<_>>();
        let all_of_record = record.iter().all(|item| filter.contains(item));
        match self {
            Self::Exact => all_of_record && common.len() == filter.len(),
            Self::Subset => all_of_record && !common.is_empty(),
            Self::Superset => common.len() == filter.len(),
            Self::Any => !common.is_empty(),
        }
    }
}

/// A filter by selectors.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SelectorMatch {
    /// The filter's selectors.
    pub selectors: Vec<SelectorInput>,
    /// The relation.
    pub how: Match,
}

/// Reads selectors; the error is worded as SPIRE words it.
pub(crate) fn parse(inputs: &[SelectorInput]) -> Result<Vec<Selector>, &'static str> {
    inputs
        .iter()
        .map(|input| Selector::new(&input.kind, &input.value).map_err(word))
        .collect()
}

fn word(error: SelectorError) -> &'static str {
    match error {
        SelectorError::EmptyType => "missing selector type",
        SelectorError::EmptyValue => "missing selector value",
        SelectorError::ColonInType | SelectorError::NoColon => "selector type contains ':'",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_relation() {
        // (filter, record) and whether it holds for exact, subset, superset, any.
        let cases: [(&[u8], &[u8], [bool; 4]); 6] = [
            (&[1, 2], &[2, 1], [true, true, true, true]),
            (&[1, 2], &[1], [false, true, false, true]),
            (&[1], &[1, 2], [false, false, true, true]),
            (&[1, 2], &[2, 3], [false, false, false, true]),
            (&[1], &[2], [false, false, false, false]),
            (&[1], &[], [false, false, false, false]),
        ];
        for (filter, record, expected) in cases {
            let found = [Match::Exact, Match::Subset, Match::Superset, Match::Any]
                .map(|how| how.holds(filter, record));
            assert_eq!(found, expected, "{filter:?} {record:?}");
        }
        assert!(
            Match::Exact.holds(&[1, 1], &[1]),
            "a filter may repeat itself"
        );
    }

    #[test]
    fn refusals_are_worded_as_clients_know_them() {
        let parse = |kind: &str, value: &str| {
            parse(&[SelectorInput {
                kind: kind.into(),
                value: value.into(),
            }])
        };
        assert_eq!(parse("unix", "uid:1").unwrap()[0].to_string(), "unix:uid:1");
        assert_eq!(parse("", "a"), Err("missing selector type"));
        assert_eq!(parse("a:b", "c"), Err("selector type contains ':'"));
        assert_eq!(parse("a:b", ""), Err("selector type contains ':'"));
        assert_eq!(parse("a", ""), Err("missing selector value"));
    }
}
