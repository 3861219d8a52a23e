//! SPIFFE IDs and trust domains (SPIFFE-ID standard, section 2): they cannot exist invalid.

use std::{fmt, str::FromStr, sync::Arc};

/// Longest SPIFFE ID that must be supported, in bytes (SPIFFE-ID 2.3).
pub const MAX_ID_LEN: usize = 2048;

/// Why a text is not a SPIFFE ID or trust domain. The wording of each variant matches what
/// SPIFFE clients print, because scripts compare it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum IdError {
    /// Nothing was given.
    #[error("cannot be empty")]
    Empty,
    /// It does not start with `spiffe://`.
    #[error("scheme is missing or invalid")]
    WrongScheme,
    /// There is no trust domain between the scheme and the path.
    #[error("trust domain is missing")]
    MissingTrustDomain,
    /// The trust domain has a character outside `a-z0-9._-`.
    #[error(
        "trust domain characters are limited to lowercase letters, numbers, dots, dashes, and underscores"
    )]
    BadTrustDomainChar,
    /// The path has a character outside `a-zA-Z0-9._-/`.
    #[error(
        "path segment characters are limited to letters, numbers, dots, dashes, and underscores"
    )]
    BadPathChar,
    /// Two slashes in a row.
    #[error("path cannot contain empty segments")]
    EmptySegment,
    /// A `.` or `..` segment.
    #[error("path cannot contain dot segments")]
    DotSegment,
    /// A path that does not begin with a slash.
    #[error("path must have a leading slash")]
    NoLeadingSlash,
    /// A path that ends with a slash.
    #[error("path cannot have a trailing slash")]
    TrailingSlash,
}

/// A trust domain: the bare name, without scheme. Cheap to clone.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TrustDomain(Arc<str>);

impl TrustDomain {
    /// Reads a bare name, or takes the trust domain out of any SPIFFE ID.
    ///
    /// # Errors
    /// When the name is empty or has a character that SPIFFE-ID 2.1 does not allow.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        if text.is_empty() {
            return Err(IdError::MissingTrustDomain);
        }
        if text.contains(":/") {
            return SpiffeId::parse(text).map(|id| id.trust_domain());
        }
        check_trust_domain(text)?;
        Ok(Self(text.into()))
    }

    /// The bare name, as in `example.org`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The ID of the trust domain itself, `spiffe://example.org`.
    pub fn id(&self) -> SpiffeId {
        SpiffeId::build(self, "")
    }

    /// The ID that the trust domain's server carries, `spiffe://<td>/spire/server`.
    pub fn server_id(&self) -> SpiffeId {
        SpiffeId::build(self, "/spire/server")
    }

    /// A member's ID.
    ///
    /// # Errors
    /// When `path` is not a valid path: it begins with a slash, or is empty.
    pub fn member(&self, path: &str) -> Result<SpiffeId, IdError> {
        check_path(path)?;
        Ok(SpiffeId::build(self, path))
    }
}

/// A SPIFFE ID: `spiffe://` trust domain and path. Cheap to clone; compares as text.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SpiffeId {
    text: Arc<str>,
    path_at: u32,
}

const SCHEME: &str = "spiffe://";

impl SpiffeId {
    /// Reads a SPIFFE ID.
    ///
    /// # Errors
    /// When it breaks a rule of SPIFFE-ID 2; nothing is normalized.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        if text.is_empty() {
            return Err(IdError::Empty);
        }
        let rest = text.strip_prefix(SCHEME).ok_or(IdError::WrongScheme)?;
        let (domain, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        if domain.is_empty() {
            return Err(IdError::MissingTrustDomain);
        }
        check_trust_domain(domain)?;
        check_path(path)?;
        Ok(Self {
            text: text.into(),
            path_at: (text.len() - path.len()) as u32,
        })
    }

    fn build(domain: &TrustDomain, path: &str) -> Self {
        let text = format!("{SCHEME}{domain}{path}");
        Self {
            path_at: (text.len() - path.len()) as u32,
            text: text.into(),
        }
    }

    /// The whole URI.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The path with its leading slash; empty for the ID of a trust domain.
    pub fn path(&self) -> &str {
        &self.text[self.path_at as usize..]
    }

    /// The bare name of the trust domain, borrowed.
    pub fn trust_domain_str(&self) -> &str {
        &self.text[SCHEME.len()..self.path_at as usize]
    }

    /// The trust domain.
    pub fn trust_domain(&self) -> TrustDomain {
        TrustDomain(self.trust_domain_str().into())
    }

    /// Whether this ID belongs to `domain`.
    pub fn is_member_of(&self, domain: &TrustDomain) -> bool {
        self.trust_domain_str() == domain.as_str()
    }

    /// Whether the path is `/spire` or below it, which is kept for servers and agents.
    pub fn is_reserved(&self) -> bool {
        self.path() == "/spire" || self.path().starts_with("/spire/")
    }
}

fn check_trust_domain(name: &str) -> Result<(), IdError> {
    let legal = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_');
    if name.bytes().all(legal) {
        Ok(())
    } else {
        Err(IdError::BadTrustDomainChar)
    }
}

fn check_path(path: &str) -> Result<(), IdError> {
    if path.is_empty() {
        return Ok(());
    }
    let Some(segments) = path.strip_prefix('/') else {
        return Err(IdError::NoLeadingSlash);
    };
    let legal = |b: u8| matches!(b, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_');
    let mut segments = segments.split('/').peekable();
    while let Some(segment) = segments.next() {
        match segment {
            "" if segments.peek().is_none() => return Err(IdError::TrailingSlash),
            "" => return Err(IdError::EmptySegment),
            "." | ".." => return Err(IdError::DotSegment),
            s if !s.bytes().all(legal) => return Err(IdError::BadPathChar),
            _ => {}
        }
    }
    Ok(())
}

macro_rules! text_forms {
    ($type:ty) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }
        impl FromStr for $type {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                <$type>::parse(text)
            }
        }
    };
}
text_forms!(TrustDomain);
text_forms!(SpiffeId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_what_the_standard_allows() {
        for text in ["spiffe://a", "spiffe://a.b_c-1/x", "spiffe://a/A.b/..c/_"] {
            assert_eq!(SpiffeId::parse(text).unwrap().as_str(), text);
        }
        let id = SpiffeId::parse("spiffe://example.org/a/b").unwrap();
        assert_eq!((id.trust_domain_str(), id.path()), ("example.org", "/a/b"));
        assert_eq!(id.trust_domain().id().path(), "");
    }

    #[test]
    fn refuses_each_broken_rule_by_name() {
        let cases = [
            ("", IdError::Empty),
            ("http://a/b", IdError::WrongScheme),
            ("SPIFFE://a/b", IdError::WrongScheme),
            ("spiffe://", IdError::MissingTrustDomain),
            ("spiffe:///a", IdError::MissingTrustDomain),
            ("spiffe://A/b", IdError::BadTrustDomainChar),
            ("spiffe://a:1/b", IdError::BadTrustDomainChar),
            ("spiffe://a/b%20", IdError::BadPathChar),
            ("spiffe://a/b?c", IdError::BadPathChar),
            ("spiffe://a//b", IdError::EmptySegment),
            ("spiffe://a/b/", IdError::TrailingSlash),
            ("spiffe://a/", IdError::TrailingSlash),
            ("spiffe://a/./b", IdError::DotSegment),
            ("spiffe://a/..", IdError::DotSegment),
        ];
        for (text, error) in cases {
            assert_eq!(SpiffeId::parse(text).unwrap_err(), error, "{text}");
        }
    }

    #[test]
    fn every_byte_is_judged_alike_wherever_it_stands() {
        for byte in 0..=127u8 {
            let c = byte as char;
            let in_path = SpiffeId::parse(&format!("spiffe://a/x{c}y")).is_ok();
            assert_eq!(
                in_path,
                c.is_ascii_alphanumeric() || "._-/".contains(c),
                "{c:?}"
            );
            let in_domain = TrustDomain::parse(&format!("x{c}y")).is_ok();
            let legal = c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
            assert_eq!(in_domain, legal, "{c:?}");
        }
    }

    #[test]
    fn reserved_paths() {
        let domain = TrustDomain::parse("a").unwrap();
        assert!(domain.member("/spire").unwrap().is_reserved());
        assert!(domain.member("/spire/agent/x").unwrap().is_reserved());
        assert!(!domain.member("/spired").unwrap().is_reserved());
    }
}
