//! What the authority tells others about its keys.

use jiff::Timestamp;

use crate::{
    active::{JwtKey, X509Ca},
    slot::{Held, Slots},
};

/// One authority.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AuthorityInfo {
    /// The X.509 authority ID, or the JWT key's `kid`.
    pub authority_id: String,
    /// When it ends.
    pub expires_at: Timestamp,
    /// The ID of the key that signed it; empty when self-signed, and for JWT keys.
    pub upstream_authority_id: String,
}

/// The authorities of one kind.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SlotsInfo {
    /// The one that signs.
    pub active: Option<AuthorityInfo>,
    /// The one that will sign next.
    pub prepared: Option<AuthorityInfo>,
    /// The one that signed before.
    pub old: Option<AuthorityInfo>,
}

/// Where rotation stands.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AuthorityState {
    /// X.509 CAs.
    pub x509: SlotsInfo,
    /// JWT keys.
    pub jwt: SlotsInfo,
    /// Rotation steps that have failed in a row.
    pub failed_rotations: u64,
}

impl AuthorityState {
    /// Whether rotation works well enough; SPIRE gives up after ten failures.
    pub fn is_healthy(&self) -> bool {
        self.failed_rotations <= 10
    }
}

fn slots<A>(slots: &Slots<A>, upstream: impl Fn(&A) -> String) -> SlotsInfo {
    let info = |held: &Held<A>| AuthorityInfo {
        authority_id: held.authority_id.clone(),
        expires_at: held.not_after,
        upstream_authority_id: upstream(&held.authority),
    };
    SlotsInfo {
        active: slots.current.as_ref().map(info),
        prepared: slots.next.as_ref().map(info),
        old: slots
            .old
            .clone()
            .map(|(authority_id, expires_at)| AuthorityInfo {
                authority_id,
                expires_at,
                upstream_authority_id: String::new(),
            }),
    }
}

pub(crate) fn x509(of: &Slots<std::sync::Arc<X509Ca>>) -> SlotsInfo {
    slots(of, |ca| ca.upstream_authority_id())
}

pub(crate) fn jwt(of: &Slots<std::sync::Arc<JwtKey>>) -> SlotsInfo {
    slots(of, |_| String::new())
}
