//! Making a new authority: key, certificate, a check that what it signs verifies, and the entry
//! in the trust bundle, in this order.

use std::sync::Arc;

use jiff::Timestamp;
use steeple_plugin_sdk::keymanager::{KeyInfo, KeyType};
use steeple_spiffe::{
    Bundle, JwtAuthority, X509Authority,
    jwt::Algorithm,
    key::random,
    x509::{CertificateInfo, NameBuilder, TrustAnchors},
};

use crate::{
    Authority, AuthorityError, Parts,
    active::{JwtKey, X509Ca},
    load::{jwt_key_id, remote, x509_key_id},
    profile::{Holder, capped},
    slot::{Held, SlotId},
};

impl Authority {
    /// Makes a self-signed CA.
    pub(crate) async fn self_signed_ca(
        &self,
        parts: &Parts,
        key: &KeyInfo,
    ) -> Result<X509Ca, AuthorityError> {
        let config = self.config();
        let id = config.trust_domain.id();
        let holder = Holder {
            id: &id,
            public_key: &key.public_key,
            subject: config.ca_subject.clone(),
            dns_names: &[],
            ttl: config.ca_ttl,
        };
        let remote = remote(Arc::clone(&parts.key_manager), key);
        let unsigned = self
            .profiles()
            .ca(None, holder, self.now())?
            .prepare(remote.scheme)?;
        let signature = remote.sign(unsigned.message()).await?;
        let certificate = CertificateInfo::parse(&unsigned.finish(&signature)?)?;
        let root = X509Authority {
            der: certificate.der.clone(),
            tainted: false,
        };
        let ca = X509Ca::new(remote, certificate, Vec::new())?;
        self.check_ca(&ca, std::slice::from_ref(&root)).await?;
        let mut addition = Bundle::empty(config.trust_domain.clone());
        addition.x509_authorities.push(root);
        append(parts, addition).await?;
        Ok(ca)
    }

    /// Checks a CA before it is used: its own fields, and that an SVID signed by it verifies
    /// against `roots`.
    pub(crate) async fn check_ca(
        &self,
        ca: &X509Ca,
        roots: &[X509Authority],
    ) -> Result<(), AuthorityError> {
        let now = self.now();
        self.check_fields(&ca.certificate, now)?;
        let config = self.config();
        let id = config.trust_domain.member("/spire/throwaway");
        let id = id.map_err(|e| AuthorityError::BadCa(e.to_string()))?;
        let holder = Holder {
            id: &id,
            public_key: &ca.certificate.public_key,
            subject: NameBuilder::us("SPIRE"),
            dns_names: &[],
            ttl: config.default_x509_svid_ttl,
        };
        let unsigned = self
            .profiles()
            .svid(ca, &holder, now)?
            .prepare(ca.key.scheme)?;
        let signature = ca.key.sign(unsigned.message()).await?;
        let mut chain = vec![unsigned.finish(&signature)?];
        chain.extend_from_slice(&ca.upstream_chain);
        let anchors = TrustAnchors::new(roots)?;
        anchors.verify(&chain, now).map(drop).map_err(|e| {
            AuthorityError::BadCa(format!("an SVID signed by it does not verify: {e}"))
        })
    }

    fn check_fields(&self, ca: &CertificateInfo, now: Timestamp) -> Result<(), AuthorityError> {
        let bad = |reason: String| Err(AuthorityError::BadCa(reason));
        if !ca.is_ca {
            return bad("cA constraint is not set".to_owned());
        }
        match ca.key_usage {
            Some(usage) if !usage.key_cert_sign => {
                return bad("keyCertSign key usage must be set".to_owned());
            }
            Some(usage) if usage.other => {
                return bad(
                    "only keyCertSign, cRLSign, or digitalSignature key usage can be set"
                        .to_owned(),
                );
            }
            None => return bad("keyCertSign key usage must be set".to_owned()),
            Some(_) => {}
        }
        let id = self.config().trust_domain.id();
        if !ca.uris.is_empty() && ca.uris != [id.as_str()] {
            return bad(format!(
                "expected URI SAN {:?} but got {:?}",
                id.as_str(),
                ca.uris
            ));
        }
        if now < ca.not_before {
            return bad(format!("not yet valid until {}", ca.not_before));
        }
        if now > ca.not_after {
            return bad(format!("already expired as of {}", ca.not_after));
        }
        Ok(())
    }

    /// Prepares the X.509 CA for `slot`.
    pub(crate) async fn prepare_x509(
        &self,
        parts: &Parts,
        slot: SlotId,
        mint: Option<&mut crate::upstream::Roots>,
    ) -> Result<Held<Arc<X509Ca>>, AuthorityError> {
        let issued_at = self.now();
        let key = generate(parts, &x509_key_id(slot), self.config().ca_key_type).await?;
        let (ca, self_signed) = match (&parts.upstream, mint) {
            (Some(upstream), Some(roots)) => (
                self.upstream_signed_ca(parts, upstream.as_ref(), &key, roots)
                    .await?,
                false,
            ),
            _ => (self.self_signed_ca(parts, &key).await?, true),
        };
        tracing::info!(
            subsystem_name = "ca_manager",
            slot = slot.letter(),
            issued_at = %issued_at,
            expiration = %ca.certificate.not_after,
            self_signed,
            local_authority_id = ca.authority_id,
            upstream_authority_id = ca.upstream_authority_id(),
            "X509 CA prepared"
        );
        Ok(Held {
            slot,
            authority_id: ca.authority_id.clone(),
            issued_at,
            not_after: ca.certificate.not_after,
            authority: Arc::new(ca),
        })
    }

    /// Prepares the JWT key for `slot`.
    pub(crate) async fn prepare_jwt(
        &self,
        parts: &Parts,
        slot: SlotId,
    ) -> Result<Held<Arc<JwtKey>>, AuthorityError> {
        let issued_at = self.now();
        let end = capped(issued_at, self.config().ca_ttl, None);
        let not_after = Timestamp::from_second(end.as_second()).unwrap_or(end);
        let key = generate(parts, &jwt_key_id(slot), self.config().jwt_key_type).await?;
        let key_id = new_key_id()?;
        let mut addition = Bundle::empty(self.config().trust_domain.clone());
        addition.jwt_authorities.push(JwtAuthority {
            key_id: key_id.clone(),
            public_key: key.public_key.clone(),
            expires_at: not_after.as_second(),
            tainted: false,
        });
        append(parts, addition).await?;
        tracing::info!(
            subsystem_name = "ca_manager",
            slot = slot.letter(),
            issued_at = %issued_at,
            expiration = %not_after,
            local_authority_id = key_id,
            "JWT key prepared"
        );
        let authority = JwtKey {
            algorithm: Algorithm::for_key(key.key_type),
            key: remote(Arc::clone(&parts.key_manager), &key),
            key_id: key_id.clone(),
            not_after,
        };
        let authority = Arc::new(authority);
        Ok(Held {
            slot,
            authority_id: key_id,
            issued_at,
            not_after,
            authority,
        })
    }
}

async fn generate(parts: &Parts, id: &str, key_type: KeyType) -> Result<KeyInfo, AuthorityError> {
    let generated = parts.key_manager.generate(id, key_type).await;
    generated.map_err(AuthorityError::key_manager(format!("generate key {id:?}")))
}

pub(crate) async fn append(parts: &Parts, addition: Bundle) -> Result<(), AuthorityError> {
    let appended = parts.bundles.append_bundle(addition).await;
    appended
        .map(drop)
        .map_err(AuthorityError::store("append to the trust bundle"))
}

/// 32 random letters and digits.
fn new_key_id() -> Result<String, AuthorityError> {
    const ALPHABET: &[u8; 62] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    let choices = random::<32>()?;
    Ok(choices
        .iter()
        .map(|choice| char::from(ALPHABET[usize::from(*choice) % 62]))
        .collect())
}
