//! SPIFFE IDs.

use steeple_proto::types::Spiffeid;
use steeple_registry::ids::IdInput;
use steeple_spiffe::SpiffeId;

pub(crate) fn to_wire(id: &SpiffeId) -> Spiffeid {
    Spiffeid {
        trust_domain: id.trust_domain_str().to_owned(),
        path: id.path().to_owned(),
    }
}

pub(crate) fn from_wire(id: Option<Spiffeid>) -> Option<IdInput> {
    id.map(|id| IdInput {
        trust_domain: id.trust_domain,
        path: id.path,
    })
}
