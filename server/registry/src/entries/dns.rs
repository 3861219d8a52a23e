//! DNS names in entries and in CSRs of operators.

/// Why a DNS name is refused, worded as SPIRE words it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DnsError {
    /// It has a character beyond ASCII.
    #[error("name must be ascii")]
    NotAscii,
    /// It has more than one asterisk.
    #[error("too many wildcards")]
    ManyWildcards,
    /// The asterisk is not the whole first label.
    #[error("wildcard must be first label")]
    WildcardNotFirst,
    /// Nothing is left of it.
    #[error("empty or only whitespace")]
    Empty,
    /// It ends with a dot.
    #[error("domain ends with dot")]
    TrailingDot,
    /// A label breaks a rule, which is named.
    #[error("idna error\nidna: invalid label {0:?}")]
    BadLabel(&'static str),
}

/// Checks a name as SPIRE does. That is lenient on purpose: it takes `a b` and `a_b`.
///
/// # Errors
/// When it breaks a rule.
pub fn check(name: &str) -> Result<(), DnsError> {
    if !name.is_ascii() {
        return Err(DnsError::NotAscii);
    }
    let name = match name.matches('*').count() {
        0 => name,
        1 => name.strip_prefix("*.").ok_or(DnsError::WildcardNotFirst)?,
        _ => return Err(DnsError::ManyWildcards),
    };
    let name = name.trim();
    if name.is_empty() {
        return Err(DnsError::Empty);
    }
    if name.ends_with('.') {
        return Err(DnsError::TrailingDot);
    }
    if name.len() > 253 {
        return Err(DnsError::BadLabel("name is longer than 253 characters"));
    }
    name.split('.').try_for_each(check_label)
}

fn check_label(label: &str) -> Result<(), DnsError> {
    let hyphens_at_three = label.len() > 4 && &label[2..4] == "--" && !label.starts_with("xn--");
    if label.is_empty() {
        Err(DnsError::BadLabel("it is empty"))
    } else if label.len() > 63 {
        Err(DnsError::BadLabel("it is longer than 63 characters"))
    } else if label.starts_with('-') || label.ends_with('-') || hyphens_at_three {
        Err(DnsError::BadLabel("a hyphen stands where none may"))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_and_refuses_what_spire_does() {
        let long = [
            "a".repeat(63),
            "b".repeat(63),
            "c".repeat(63),
            "d".repeat(61),
        ]
        .join(".");
        for good in [
            "a",
            "example.org",
            "*.example.org",
            "a b",
            "a_b",
            "UP.er",
            "xn--bcher-kva.de",
            &long,
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        let refused = |name: &str| check(name).unwrap_err().to_string();
        assert_eq!(refused("b\u{fc}cher.de"), "name must be ascii");
        assert_eq!(refused("*.*.a"), "too many wildcards");
        assert_eq!(refused("a.*.b"), "wildcard must be first label");
        assert_eq!(refused("  "), "empty or only whitespace");
        assert_eq!(refused("*."), "empty or only whitespace");
        assert_eq!(refused("a."), "domain ends with dot");
        for bad in [
            "a..b",
            "-a",
            "a-.b",
            "ab--c",
            &format!("{long}d"),
            &"a".repeat(64),
        ] {
            assert!(refused(bad).starts_with("idna error"), "{bad}");
        }
    }
}
