//! Selectors: what an attestor has proven of a node or a process.

use std::{fmt, str::FromStr, sync::Arc};

/// Why a text is not a selector.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SelectorError {
    /// There is no colon between type and value.
    #[error("selector must be formatted as type:value")]
    NoColon,
    /// The type is empty.
    #[error("selector type is empty")]
    EmptyType,
    /// The value is empty.
    #[error("selector value is empty")]
    EmptyValue,
    /// The type contains a colon, so the text form would not read back.
    #[error("selector type contains ':'")]
    ColonInType,
}

/// A type and a value, written `type:value`; the value may hold further colons.
/// Cheap to clone; ordered by type, then value.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Selector {
    kind: Arc<str>,
    value: Arc<str>,
}

impl Selector {
    /// Builds a selector from its parts.
    ///
    /// # Errors
    /// When either part is empty or the type holds a colon.
    pub fn new(kind: &str, value: &str) -> Result<Self, SelectorError> {
        if kind.is_empty() {
            return Err(SelectorError::EmptyType);
        }
        if kind.contains(':') {
            return Err(SelectorError::ColonInType);
        }
        if value.is_empty() {
            return Err(SelectorError::EmptyValue);
        }
        Ok(Self {
            kind: kind.into(),
            value: value.into(),
        })
    }

    /// The attestor's name, as in `unix`.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// What it found, as in `uid:1000`.
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind, self.value)
    }
}

impl FromStr for Selector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        let (kind, value) = text.split_once(':').ok_or(SelectorError::NoColon)?;
        Self::new(kind, value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_may_hold_colons() {
        let selector: Selector = "k8s:pod-label:app:web".parse().unwrap();
        assert_eq!(
            (selector.kind(), selector.value()),
            ("k8s", "pod-label:app:web")
        );
        assert_eq!(selector.to_string(), "k8s:pod-label:app:web");
    }

    #[test]
    fn refusals() {
        assert_eq!("unix".parse::<Selector>(), Err(SelectorError::NoColon));
        assert_eq!(":x".parse::<Selector>(), Err(SelectorError::EmptyType));
        assert_eq!("unix:".parse::<Selector>(), Err(SelectorError::EmptyValue));
        assert_eq!(Selector::new("a:b", "c"), Err(SelectorError::ColonInType));
    }
}
