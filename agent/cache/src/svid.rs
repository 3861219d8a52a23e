//! An X.509-SVID of a workload.

use std::{fmt, sync::Arc};

use jiff::Timestamp;
use steeple_spiffe::{
    X509Authority,
    key::PrivateKey,
    x509::{CertificateInfo, X509Error},
};

use crate::{Entry, rotation::Rotation};

/// Chain and key of one identity, and for which state of its entry they were made.
pub struct X509Svid {
    /// The certificates one after the other, DER, leaf first: the form workloads get.
    pub chain: Vec<u8>,
    /// The key.
    pub key: PrivateKey,
    /// When the leaf becomes valid.
    pub not_before: Timestamp,
    /// When it expires.
    pub not_after: Timestamp,
    /// The entry as it was when this was made.
    pub(crate) entry: Arc<Entry>,
    rotate_at: Timestamp,
    /// The authority that signed the last certificate.
    authority_id: String,
}

impl X509Svid {
    /// Takes what the server issued for `entry` and `key`.
    ///
    /// # Errors
    /// When a certificate cannot be read, or there is none.
    pub(crate) fn new(
        entry: &Arc<Entry>,
        key: PrivateKey,
        chain: &[impl AsRef<[u8]>],
        rotation: Rotation,
    ) -> Result<Self, X509Error> {
        let none = || X509Error::Malformed("the chain is empty".to_owned());
        let leaf = CertificateInfo::parse(chain.first().ok_or_else(none)?.as_ref())?;
        let last = CertificateInfo::parse(chain.last().ok_or_else(none)?.as_ref())?;
        Ok(Self {
            chain: chain
                .iter()
                .flat_map(|certificate| certificate.as_ref())
                .copied()
                .collect(),
            key,
            not_before: leaf.not_before,
            not_after: leaf.not_after,
            rotate_at: rotation.rotate_at(leaf.not_before, leaf.not_after),
            entry: Arc::clone(entry),
            authority_id: last.issuer_authority_id(),
        })
    }

    /// When it is to be replaced.
    pub(crate) fn rotate_at(&self) -> Timestamp {
        self.rotate_at
    }

    /// Whether it was made for an earlier state of the entry.
    pub(crate) fn is_outdated(&self, entry: &Entry) -> bool {
        self.entry.revision != entry.revision || self.entry.created_at != entry.created_at
    }

    /// Whether it chains to an authority that is to be given up.
    pub(crate) fn is_tainted(&self, authorities: &[X509Authority]) -> bool {
        authorities.iter().filter(|root| root.tainted).any(|root| {
            CertificateInfo::parse(&root.der)
                .and_then(|root| root.authority_id())
                .is_ok_and(|id| id == self.authority_id)
        })
    }
}

impl fmt::Debug for X509Svid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("X509Svid")
            .field("not_after", &self.not_after)
            .finish_non_exhaustive()
    }
}
