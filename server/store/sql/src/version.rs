//! Semantic versions, as far as the migration rules need them.

use std::fmt;

/// A semantic version without its build metadata.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Version {
    major: u64,
    minor: u64,
    patch: u64,
    /// What follows the hyphen; such a version comes before the one without.
    pre: Option<String>,
}

impl Version {
    /// Reads a version; an empty text is 0.0.0.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self {
                major: 0,
                minor: 0,
                patch: 0,
                pre: None,
            });
        }
        let text = text
            .split_once('+')
            .map_or(text, |(version, _build)| version);
        let (core, pre) = match text.split_once('-') {
            Some((core, pre)) if !pre.is_empty() => (core, Some(pre.to_owned())),
            Some(_) => return None,
            None => (text, None),
        };
        let mut numbers = core.split('.').map(number);
        let (major, minor, patch) = (numbers.next()??, numbers.next()??, numbers.next()??);
        numbers.next().is_none().then_some(Self {
            major,
            minor,
            patch,
            pre,
        })
    }

    /// Whether this comes after `other`. Of two pre-releases of one version neither does.
    pub(crate) fn is_after(&self, other: &Self) -> bool {
        let key = |v: &Self| (v.major, v.minor, v.patch, v.pre.is_none());
        key(self) > key(other)
    }

    /// Whether servers of these versions may share a database: same major, minors at most one
    /// apart.
    pub(crate) fn works_with(&self, other: &Self) -> bool {
        self.major == other.major && self.minor.abs_diff(other.minor) <= 1
    }
}

fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let padded = text.len() > 1 && text.starts_with('0');
    (digits && !padded).then(|| text.parse().ok()).flatten()
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)?;
        self.pre.iter().try_for_each(|pre| write!(f, "-{pre}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        Version::parse(text).unwrap()
    }

    #[test]
    fn reads_what_servers_write_and_nothing_else() {
        for good in ["1.15.3", "1.16.0-dev-unk", "0.0.0"] {
            assert_eq!(version(good).to_string(), good);
        }
        assert_eq!(version("1.2.3+build").to_string(), "1.2.3");
        assert_eq!(version("").to_string(), "0.0.0");
        for bad in [
            "1.2", "1.2.3.4", "v1.2.3", "1.02.3", "1.2.x", "1.2.3-", "dev",
        ] {
            assert_eq!(Version::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn order_and_neighbours() {
        assert!(version("1.16.0").is_after(&version("1.15.9")));
        assert!(version("1.16.0").is_after(&version("1.16.0-dev")));
        assert!(!version("1.16.0-dev").is_after(&version("1.16.0")));
        assert!(!version("1.15.3").is_after(&version("1.15.3")));
        assert!(version("1.15.3").works_with(&version("1.16.0-dev-unk")));
        assert!(version("1.15.3").works_with(&version("1.14.0")));
        assert!(!version("1.15.3").works_with(&version("1.17.0")));
        assert!(!version("1.15.3").works_with(&version("2.15.3")));
    }
}
