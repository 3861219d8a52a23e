//! After a start: the authorities of the journal whose keys are still there.

use std::sync::Arc;

use jiff::Timestamp;
use steeple_plugin_sdk::keymanager::{KeyInfo, KeyManager};
use steeple_proto::store::{JwtKeyEntry, X509caEntry};
use steeple_spiffe::{Bundle, jwt::Algorithm, key::same_public_key, x509::CertificateInfo};

use crate::{
    AuthorityError,
    active::{JwtKey, RemoteKey, X509Ca},
    slot::{Held, Restored, SlotId},
};

/// What is held against journal entries.
pub(crate) struct Loader<'a> {
    pub(crate) manager: &'a Arc<dyn KeyManager>,
    pub(crate) keys: &'a [KeyInfo],
    pub(crate) bundle: Option<&'a Bundle>,
    pub(crate) has_upstream: bool,
    pub(crate) now: Timestamp,
}

impl Loader<'_> {
    /// The CAs that can be used, newest first.
    pub(crate) fn x509_cas(
        &self,
        entries: &[X509caEntry],
    ) -> Result<Vec<Restored<Arc<X509Ca>>>, AuthorityError> {
        let mut usable = Vec::new();
        for entry in entries.iter().rev() {
            match self.x509_ca(entry)? {
                Ok(held) => usable.push((entry.status(), held)),
                Err(reason) => tracing::warn!(
                    subsystem_name = "ca_manager",
                    slot = entry.slot_id,
                    status = entry.status().as_str_name(),
                    local_authority_id = entry.authority_id,
                    upstream_authority_id = entry.upstream_authority_id,
                    error = reason,
                    "X509CA slot unusable"
                ),
            }
        }
        Ok(usable)
    }

    /// A CA, or why it is of no use.
    fn x509_ca(
        &self,
        entry: &X509caEntry,
    ) -> Result<Result<Held<Arc<X509Ca>>, &'static str>, AuthorityError> {
        let Some(slot) = SlotId::from_letter(&entry.slot_id) else {
            return Ok(Err("no slot id"));
        };
        if entry.not_after < self.now.as_second() {
            return Ok(Err("slot expired"));
        }
        if !self.has_upstream && !self.publishes_certificate(&entry.certificate) {
            return Ok(Err("certificate is not in the trust bundle"));
        }
        let certificate = CertificateInfo::parse(&entry.certificate)?;
        let key = match self.key(&x509_key_id(slot), &certificate.public_key) {
            Ok(key) => self.remote(key),
            Err(reason) => return Ok(Err(reason)),
        };
        let not_after = certificate.not_after;
        let chain = entry
            .upstream_chain
            .iter()
            .map(|der| der.to_vec())
            .collect();
        let ca = X509Ca::new(key, certificate, chain)?;
        Ok(Ok(Held {
            slot,
            authority_id: ca.authority_id.clone(),
            issued_at: second(entry.issued_at),
            not_after,
            authority: Arc::new(ca),
        }))
    }

    /// The JWT keys that can be used, newest first.
    pub(crate) fn jwt_keys(&self, entries: &[JwtKeyEntry]) -> Vec<Restored<Arc<JwtKey>>> {
        let mut usable = Vec::new();
        for entry in entries.iter().rev() {
            match self.jwt_key(entry) {
                Ok(held) => usable.push((entry.status(), held)),
                Err(reason) => tracing::warn!(
                    subsystem_name = "ca_manager",
                    slot = entry.slot_id,
                    status = entry.status().as_str_name(),
                    local_authority_id = entry.authority_id,
                    error = reason,
                    "JWT key slot unusable"
                ),
            }
        }
        usable
    }

    fn jwt_key(&self, entry: &JwtKeyEntry) -> Result<Held<Arc<JwtKey>>, &'static str> {
        let slot = SlotId::from_letter(&entry.slot_id).ok_or("no slot id")?;
        if entry.not_after < self.now.as_second() {
            return Err("slot expired");
        }
        if !self.publishes_key(&entry.kid) {
            return Err("key is not in the trust bundle");
        }
        let key = self.key(&jwt_key_id(slot), &entry.public_key)?;
        let not_after = second(entry.not_after);
        Ok(Held {
            slot,
            authority_id: entry.kid.clone(),
            issued_at: second(entry.issued_at),
            not_after,
            authority: Arc::new(JwtKey {
                algorithm: Algorithm::for_key(key.key_type),
                key: self.remote(key),
                key_id: entry.kid.clone(),
                not_after,
            }),
        })
    }

    /// Without a bundle nothing can be held against the entries; it is made again from them.
    fn publishes_certificate(&self, der: &[u8]) -> bool {
        self.bundle
            .is_none_or(|bundle| bundle.x509_authorities.iter().any(|root| root.der == der))
    }

    fn publishes_key(&self, key_id: &str) -> bool {
        self.bundle.is_none_or(|bundle| {
            bundle
                .jwt_authorities
                .iter()
                .any(|key| key.key_id == key_id)
        })
    }

    fn key(&self, id: &str, public_key: &[u8]) -> Result<&KeyInfo, &'static str> {
        let key = self
            .keys
            .iter()
            .find(|key| key.id == id)
            .ok_or("no key manager key")?;
        if same_public_key(&key.public_key, public_key) {
            Ok(key)
        } else {
            Err("public key does not match key manager key")
        }
    }

    fn remote(&self, key: &KeyInfo) -> RemoteKey {
        remote(Arc::clone(self.manager), key)
    }
}

/// The key as something to sign with.
pub(crate) fn remote(manager: Arc<dyn KeyManager>, key: &KeyInfo) -> RemoteKey {
    RemoteKey {
        manager,
        id: key.id.clone(),
        scheme: key.key_type.x509_scheme(),
        public_key: key.public_key.clone(),
    }
}

/// What the key manager calls the X.509 CA's key in a slot.
pub(crate) fn x509_key_id(slot: SlotId) -> String {
    format!("x509-CA-{}", slot.letter())
}

/// What the key manager calls the JWT key in a slot.
pub(crate) fn jwt_key_id(slot: SlotId) -> String {
    format!("JWT-Signer-{}", slot.letter())
}

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH)
}
