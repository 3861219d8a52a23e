//! JWT-SVID issuing: prepared first, signed once.

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use steeple_spiffe::{
    SpiffeId,
    jwt::{Claims, UnsignedToken},
};
use uuid::Uuid;

use crate::{
    Authority, AuthorityError,
    active::JwtKey,
    issue::{check_member, set},
    profile::capped,
};

/// What a JWT-SVID is asked with.
#[derive(Clone, Debug)]
pub struct WorkloadJwt {
    /// Whose it is.
    pub spiffe_id: SpiffeId,
    /// Who it is for; empty texts are dropped.
    pub audience: Vec<String>,
    /// How long it should live; the default when not said. Capped by the key's end.
    pub ttl: Option<Duration>,
    /// Whether it gets a `jti` of its own.
    pub include_jti: bool,
}

/// A signed JWT-SVID.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IssuedJwt {
    /// The compact token. A secret: whoever has it is its subject.
    pub token: String,
    /// Whose it is.
    pub spiffe_id: SpiffeId,
    /// `iat`.
    pub issued_at: Timestamp,
    /// `exp`.
    pub expires_at: Timestamp,
}

/// A token with every claim fixed, but for the signature.
#[derive(Debug)]
pub struct PreparedJwt {
    key: Arc<JwtKey>,
    unsigned: UnsignedToken,
    spiffe_id: SpiffeId,
    issued_at: Timestamp,
    expires_at: Timestamp,
}

impl PreparedJwt {
    /// Signs it; there is no second time.
    ///
    /// # Errors
    /// When the key manager fails.
    pub async fn sign(self) -> Result<IssuedJwt, AuthorityError> {
        let signature = self.key.key.sign(self.unsigned.message()).await?;
        Ok(IssuedJwt {
            token: self.unsigned.finish(&signature)?,
            spiffe_id: self.spiffe_id,
            issued_at: self.issued_at,
            expires_at: self.expires_at,
        })
    }
}

impl Authority {
    /// Prepares a JWT-SVID.
    ///
    /// # Errors
    /// When there is no usable key, the ID is not of this trust domain, or no audience is named.
    pub fn prepare_workload_jwt(
        &self,
        request: WorkloadJwt,
    ) -> Result<PreparedJwt, AuthorityError> {
        let WorkloadJwt {
            spiffe_id,
            mut audience,
            ttl,
            include_jti,
        } = request;
        check_member(&self.config().trust_domain, &spiffe_id, "JWT-SVID ID")?;
        audience.retain(|audience| !audience.is_empty());
        if audience.is_empty() {
            let reason = "cannot be empty".to_owned();
            return Err(AuthorityError::Invalid {
                what: "JWT-SVID audience",
                reason,
            });
        }
        let key = self.jwt_key()?;
        let (issued_at, ttl) = (
            self.now(),
            set(ttl).unwrap_or(self.config().default_jwt_svid_ttl),
        );
        if key.not_after <= issued_at {
            return Err(AuthorityError::Expired {
                what: "JWT key",
                expired_at: key.not_after,
            });
        }
        let expires_at = capped(issued_at, ttl, Some(key.not_after));
        let mut claims = Claims::issue(spiffe_id.as_str(), &audience, issued_at, expires_at);
        if let Some(issuer) = &self.config().jwt_issuer {
            claims = claims.with("iss", issuer);
        }
        if include_jti {
            claims = claims.with("jti", &URL_SAFE_NO_PAD.encode(Uuid::new_v4().as_bytes()));
        }
        let unsigned = UnsignedToken::new(key.algorithm, &key.key_id, &claims);
        Ok(PreparedJwt {
            key,
            unsigned,
            spiffe_id,
            issued_at,
            expires_at,
        })
    }

    /// Prepares and signs a JWT-SVID.
    ///
    /// # Errors
    /// As [`Authority::prepare_workload_jwt`] and [`PreparedJwt::sign`].
    pub async fn sign_workload_jwt(
        &self,
        request: WorkloadJwt,
    ) -> Result<IssuedJwt, AuthorityError> {
        self.prepare_workload_jwt(request)?.sign().await
    }
}
