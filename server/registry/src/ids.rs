//! SPIFFE IDs as they come in requests, and who may be named where.

use steeple_spiffe::{IdError, SpiffeId, TrustDomain};

/// An ID as the wire has it, unchecked.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct IdInput {
    /// The trust domain: its name, or any ID in it.
    pub trust_domain: String,
    /// The path.
    pub path: String,
}

/// Why an ID cannot stand where it stands in a request.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum IdRefusal {
    /// It is not an ID at all.
    #[error(transparent)]
    Malformed(#[from] IdError),
    /// The field is absent.
    #[error("request must specify SPIFFE ID")]
    Missing,
    /// It is of another trust domain.
    #[error("\"{id}\" is not a member of trust domain \"{domain}\"")]
    Foreign {
        /// The ID.
        id: SpiffeId,
        /// The own trust domain.
        domain: TrustDomain,
    },
    /// It names the trust domain itself.
    #[error("\"{id}\" is not {what} trust domain \"{domain}\"; path is empty")]
    NoPath {
        /// The ID.
        id: SpiffeId,
        /// The own trust domain.
        domain: TrustDomain,
        /// What was wanted.
        what: &'static str,
    },
    /// It is the server's or an agent's, where a workload's is wanted.
    #[error(
        "\"{id}\" is not a workload in trust domain \"{domain}\"; path is in the reserved namespace"
    )]
    Reserved {
        /// The ID.
        id: SpiffeId,
        /// The own trust domain.
        domain: TrustDomain,
    },
    /// It is not an agent's.
    #[error(
        "\"{id}\" is not an agent in trust domain \"{domain}\"; path is not in the agent namespace"
    )]
    NotAgent {
        /// The ID.
        id: SpiffeId,
        /// The own trust domain.
        domain: TrustDomain,
    },
}

fn parse(input: Option<&IdInput>) -> Result<SpiffeId, IdRefusal> {
    let input = input.ok_or(IdRefusal::Missing)?;
    Ok(TrustDomain::parse(&input.trust_domain)?.member(&input.path)?)
}

fn with_path(
    domain: &TrustDomain,
    input: Option<&IdInput>,
    what: &'static str,
) -> Result<SpiffeId, IdRefusal> {
    let id = parse(input)?;
    if !id.is_member_of(domain) {
        return Err(IdRefusal::Foreign {
            id,
            domain: domain.clone(),
        });
    }
    if id.path().is_empty() {
        return Err(IdRefusal::NoPath {
            id,
            domain: domain.clone(),
            what,
        });
    }
    Ok(id)
}

/// Any member of the trust domain with a path.
///
/// # Errors
/// When it is absent, malformed, foreign or has no path.
pub fn member(domain: &TrustDomain, input: Option<&IdInput>) -> Result<SpiffeId, IdRefusal> {
    with_path(domain, input, "a member of")
}

/// A workload of the trust domain.
///
/// # Errors
/// As [`member`], and when the path is kept for servers and agents.
pub fn workload(domain: &TrustDomain, input: Option<&IdInput>) -> Result<SpiffeId, IdRefusal> {
    let id = with_path(domain, input, "a workload in")?;
    if id.is_reserved() {
        return Err(IdRefusal::Reserved {
            id,
            domain: domain.clone(),
        });
    }
    Ok(id)
}

/// An agent of the trust domain.
///
/// # Errors
/// As [`member`], and when the path is not an agent's.
pub fn agent(domain: &TrustDomain, input: Option<&IdInput>) -> Result<SpiffeId, IdRefusal> {
    let id = with_path(domain, input, "an agent in")?;
    if !id.path().starts_with("/spire/agent/") {
        return Err(IdRefusal::NotAgent {
            id,
            domain: domain.clone(),
        });
    }
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(domain: &str, path: &str) -> IdInput {
        IdInput {
            trust_domain: domain.into(),
            path: path.into(),
        }
    }

    #[test]
    fn each_kind_takes_its_own_and_says_why_it_refuses() {
        let own = TrustDomain::parse("example.org").unwrap();
        let check = |f: fn(&TrustDomain, Option<&IdInput>) -> Result<SpiffeId, IdRefusal>,
                     d: &str,
                     p: &str| {
            f(&own, Some(&input(d, p)))
                .map(|id| id.to_string())
                .map_err(|e| e.to_string())
        };
        let ok = |text: &str| Ok(text.to_owned());
        let no = |text: &str| Err(text.to_owned());
        assert_eq!(
            check(member, "example.org", "/spire/server"),
            ok("spiffe://example.org/spire/server")
        );
        assert_eq!(
            check(workload, "spiffe://example.org", "/a"),
            ok("spiffe://example.org/a")
        );
        assert_eq!(
            check(agent, "example.org", "/spire/agent/x"),
            ok("spiffe://example.org/spire/agent/x")
        );
        assert_eq!(
            check(workload, "example.org", "/spire/agent/x"),
            no(
                "\"spiffe://example.org/spire/agent/x\" is not a workload in trust domain \"example.org\"; path is in the reserved namespace"
            )
        );
        assert_eq!(
            check(member, "other.org", "/a"),
            no("\"spiffe://other.org/a\" is not a member of trust domain \"example.org\"")
        );
        assert_eq!(
            check(member, "example.org", ""),
            no(
                "\"spiffe://example.org\" is not a member of trust domain \"example.org\"; path is empty"
            )
        );
        assert_eq!(
            check(agent, "example.org", "/a"),
            no(
                "\"spiffe://example.org/a\" is not an agent in trust domain \"example.org\"; path is not in the agent namespace"
            )
        );
        assert_eq!(check(member, "", "/a"), no("trust domain is missing"));
        assert_eq!(
            check(member, "example.org", "a"),
            no("path must have a leading slash")
        );
        assert_eq!(
            member(&own, None).unwrap_err().to_string(),
            "request must specify SPIFFE ID"
        );
    }
}
