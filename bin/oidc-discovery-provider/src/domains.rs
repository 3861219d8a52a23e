//! Which names the provider answers to.

use std::collections::BTreeSet;

/// Why a name is not served.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum DomainError {
    /// It is no name at all.
    #[error("domain {domain:?} is not a valid domain name: {why}")]
    Invalid {
        /// As given.
        domain: String,
        /// The rule it breaks.
        why: String,
    },
    /// It is not in the form that is compared: lower case, ASCII.
    #[error("domain {0:?} must already be punycode encoded")]
    NotPunycode(String),
    /// It is a good name that is not in the configuration.
    #[error("domain {0:?} is not allowed")]
    NotAllowed(String),
}

/// The names that requests may be for.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Domains(BTreeSet<String>);

impl Domains {
    /// Adds a name.
    pub(crate) fn add(&mut self, domain: &str) -> Result<(), DomainError> {
        check(domain)?;
        if domain.is_empty() {
            return Err(DomainError::Invalid {
                domain: String::new(),
                why: "it is empty; write the name that clients ask for".to_owned(),
            });
        }
        self.0.insert(domain.to_owned());
        Ok(())
    }

    /// The names, sorted.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether a request for `host`, a name with or without a port, is for us.
    pub(crate) fn allow(&self, host: &str) -> Result<(), DomainError> {
        let domain = without_port(host);
        check(domain)?;
        if self.0.contains(domain) {
            return Ok(());
        }
        Err(DomainError::NotAllowed(domain.to_owned()))
    }
}

/// What stands before the port. A bare IPv6 address has none, one with a port is in brackets.
fn without_port(host: &str) -> &str {
    let Some((name, port)) = host.rsplit_once(':') else {
        return host;
    };
    let bracketed = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'));
    match bracketed {
        _ if !port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        Some(name) => name,
        None if name.contains(':') => host,
        None => name,
    }
}

/// The rules of a name's look-up form (UTS 46 with the rules of STD 3): letters, digits and hyphens,
/// hyphens not at a label's ends.
fn check(domain: &str) -> Result<(), DomainError> {
    let invalid = |why| {
        Err(DomainError::Invalid {
            domain: domain.to_owned(),
            why,
        })
    };
    if !domain.is_ascii() || domain.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(DomainError::NotPunycode(domain.to_owned()));
    }
    let usual = |c: &char| matches!(c, 'a'..='z' | '0'..='9' | '-' | '.');
    if let Some(odd) = domain.chars().find(|c| !usual(c)) {
        return invalid(format!("idna: disallowed rune U+{:04X}", u32::from(odd)));
    }
    let hyphens = |label: &&str| {
        let third = label.get(2..4) == Some("--") && !label.starts_with("xn--");
        label.starts_with('-') || label.ends_with('-') || third
    };
    match domain.split('.').find(hyphens) {
        Some(label) => invalid(format!("idna: invalid label {label:?}")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domains() -> Domains {
        let mut domains = Domains::default();
        domains.add("oidc.example.org").unwrap();
        domains.add("xn--bcher-kva.example").unwrap();
        domains.add("127.0.0.1").unwrap();
        domains
    }

    #[test]
    fn the_port_does_not_count() {
        for host in [
            "oidc.example.org",
            "oidc.example.org:8443",
            "oidc.example.org:",
            "xn--bcher-kva.example",
            "127.0.0.1:80",
        ] {
            assert_eq!(domains().allow(host), Ok(()), "{host}");
        }
    }

    #[test]
    fn other_names_are_refused_with_a_reason() {
        let refused = |host: &str| domains().allow(host).unwrap_err().to_string();
        assert_eq!(
            refused("other.org:80"),
            "domain \"other.org\" is not allowed"
        );
        assert_eq!(refused(""), "domain \"\" is not allowed");
        let upper = "domain \"OIDC.example.org\" must already be punycode encoded";
        assert_eq!(refused("OIDC.example.org"), upper);
        assert!(refused("bücher.example").ends_with("must already be punycode encoded"));
        assert_eq!(
            refused("oidc.example.org/x"),
            "domain \"oidc.example.org/x\" is not a valid domain name: idna: disallowed rune U+002F"
        );
        assert!(refused("oidc.example.org:8443:x").contains("disallowed rune U+003A"));
        let bare = "domain \"::1\" is not a valid domain name: idna: disallowed rune U+003A";
        assert_eq!(
            (refused("::1"), refused("[::1]:80")),
            (bare.to_owned(), bare.to_owned())
        );
        assert!(refused("-a.org").ends_with("idna: invalid label \"-a\""));
        assert!(refused("ab--c.org").ends_with("idna: invalid label \"ab--c\""));
    }

    #[test]
    fn only_look_up_forms_can_be_configured() {
        let mut domains = Domains::default();
        assert!(domains.add("").is_err());
        assert!(domains.add("Example.org").is_err());
        assert!(domains.add("https://example.org").is_err());
        assert_eq!(domains.names().count(), 0);
    }
}
