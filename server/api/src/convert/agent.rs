//! Attested agents.

use steeple_proto::types;
use steeple_registry::nodes::NodeFilter;
use steeple_store::NodeRecord;

use super::{id, selector};
use crate::fail::Failure;

const ALL: types::AgentMask = types::AgentMask {
    attestation_type: true,
    x509svid_serial_number: true,
    x509svid_expires_at: true,
    selectors: true,
    banned: true,
    can_reattest: true,
    agent_version: true,
};

/// An agent for the wire, with what `mask` names; the ID is always there.
pub(crate) fn to_wire(node: &NodeRecord, mask: Option<&types::AgentMask>) -> types::Agent {
    let mask = mask.unwrap_or(&ALL);
    let mut wire = types::Agent {
        id: Some(id::to_wire(&node.id)),
        ..types::Agent::default()
    };
    if mask.attestation_type {
        wire.attestation_type.clone_from(&node.attestation_type);
    }
    if mask.x509svid_serial_number {
        wire.x509svid_serial_number.clone_from(&node.serial);
    }
    if mask.x509svid_expires_at {
        wire.x509svid_expires_at = node.expires_at;
    }
    if mask.selectors {
        wire.selectors = selector::to_wire(&node.selectors);
    }
    if mask.agent_version {
        wire.agent_version.clone_from(&node.agent_version);
    }
    wire.banned = mask.banned && node.is_banned();
    wire.can_reattest = mask.can_reattest && node.can_reattest;
    wire
}

/// The parts of a filter, which two requests have in messages of their own.
pub(crate) struct WireFilter {
    pub(crate) attestation_type: String,
    pub(crate) selectors: Option<types::SelectorMatch>,
    pub(crate) banned: Option<bool>,
    pub(crate) can_reattest: Option<bool>,
    pub(crate) expires_before: String,
}

pub(crate) fn filter_from_wire(wire: WireFilter) -> Result<NodeFilter, Failure> {
    Ok(NodeFilter {
        attestation_type: wire.attestation_type,
        banned: wire.banned,
        can_reattest: wire.can_reattest,
        expires_before: expiry(&wire.expires_before),
        selectors: selector::match_from_wire(wire.selectors, "failed to parse selectors")?,
    })
}

/// Reads `2006-01-02 15:04:05 -0700 -07`, the form of Go's clients. As at SPIRE, a time that
/// cannot be read asks for nothing.
fn expiry(text: &str) -> Option<i64> {
    let (time, _zone_again) = text.rsplit_once(' ')?;
    let time = jiff::fmt::strtime::parse("%Y-%m-%d %H:%M:%S %z", time).ok()?;
    Some(time.to_timestamp().ok()?.as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> NodeRecord {
        NodeRecord {
            row: 1,
            id: steeple_spiffe::SpiffeId::parse("spiffe://td/spire/agent/x").unwrap(),
            attestation_type: "join_token".to_owned(),
            serial: "7".to_owned(),
            expires_at: 5,
            new_serial: "8".to_owned(),
            new_expires_at: 6,
            selectors: vec!["a:b".parse().unwrap()],
            can_reattest: true,
            agent_version: "1".to_owned(),
        }
    }

    #[test]
    fn everything_arrives_and_a_mask_takes_away() {
        let wire = to_wire(&record(), None);
        assert_eq!(wire.x509svid_serial_number, "7");
        assert_eq!(
            (wire.selectors.len(), wire.can_reattest, wire.banned),
            (1, true, false)
        );
        let banned = NodeRecord {
            serial: String::new(),
            ..record()
        };
        assert!(to_wire(&banned, None).banned);
        let masked = to_wire(&banned, Some(&types::AgentMask::default()));
        assert_eq!(
            masked,
            types::Agent {
                id: masked.id.clone(),
                ..types::Agent::default()
            }
        );
    }

    #[test]
    fn times_as_gos_clients_write_them() {
        assert_eq!(expiry("1970-01-01 02:00:10 +0200 +02"), Some(10));
        assert_eq!(expiry("1970-01-01 00:00:10 +0000 +00"), Some(10));
        for bad in ["", "tomorrow", "1970-01-01 00:00:10"] {
            assert_eq!(expiry(bad), None, "{bad}");
        }
    }
}
