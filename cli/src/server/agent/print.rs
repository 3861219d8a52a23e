//! An agent as a block of lines.

use steeple_proto::types::Agent;

use crate::{env::Env, output::local, server::filter::id_text};

/// Prints one agent and an empty line.
pub(crate) fn agent(env: &mut Env, agent: &Agent) -> std::io::Result<()> {
    env.print(&block(agent, &local(agent.x509svid_expires_at)))
}

fn block(agent: &Agent, expires: &str) -> String {
    let mut lines = vec![
        row("SPIFFE ID", &id_text(agent.id.as_ref())),
        row("Attestation type", &agent.attestation_type),
        row("Expiration time", expires),
    ];
    // A banned agent has no serial number.
    lines.push(match agent.banned {
        true => row("Banned", "true"),
        false => row("Serial number", &agent.x509svid_serial_number),
    });
    lines.push(row("Can re-attest", &agent.can_reattest.to_string()));
    if !agent.agent_version.is_empty() {
        lines.push(row("Agent version", &agent.agent_version));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn row(label: &str, value: &str) -> String {
    format!("{label:<18}: {value}")
}

#[cfg(test)]
mod tests {
    use steeple_proto::types::Spiffeid;

    use super::*;

    fn sample() -> Agent {
        Agent {
            id: Some(Spiffeid {
                trust_domain: "example.org".into(),
                path: "/spire/agent/join_token/one".into(),
            }),
            attestation_type: "join_token".into(),
            x509svid_serial_number: "42".into(),
            agent_version: "1.2.3".into(),
            ..Default::default()
        }
    }

    #[test]
    fn an_agent_in_good_standing() {
        let expected = "SPIFFE ID         : spiffe://example.org/spire/agent/join_token/one\n\
            Attestation type  : join_token\n\
            Expiration time   : then\n\
            Serial number     : 42\n\
            Can re-attest     : false\n\
            Agent version     : 1.2.3\n";
        assert_eq!(block(&sample(), "then"), expected);
    }

    #[test]
    fn a_banned_agent_shows_no_serial_number() {
        let agent = Agent {
            banned: true,
            agent_version: String::new(),
            ..sample()
        };
        let text = block(&agent, "then");
        assert!(
            text.contains("Banned            : true\nCan re-attest     : false\n"),
            "{text}"
        );
        assert!(!text.contains("Serial"), "{text}");
    }
}
