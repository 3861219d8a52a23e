//! X.509 issuing: prepared first, signed once.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use steeple_spiffe::{
    SpiffeId, TrustDomain,
    x509::{CertificateDraft, NameBuilder, Serial, Unsigned},
};

use crate::{Authority, AuthorityError, active::X509Ca, profile::Holder};

/// What a workload's X509-SVID is asked with.
#[derive(Clone, Debug)]
pub struct WorkloadX509 {
    /// The public key, DER SubjectPublicKeyInfo.
    pub public_key: Vec<u8>,
    /// Whose it is.
    pub spiffe_id: SpiffeId,
    /// DNS SANs; the first becomes the common name too.
    pub dns_names: Vec<String>,
    /// How long it should live; the default when not said. Capped by the CA's end.
    pub ttl: Option<Duration>,
    /// The subject; the default when not said.
    pub subject: Option<NameBuilder>,
}

/// What an agent's X509-SVID is asked with.
#[derive(Clone, Debug)]
pub struct AgentX509 {
    /// The public key, DER SubjectPublicKeyInfo.
    pub public_key: Vec<u8>,
    /// The agent's ID.
    pub spiffe_id: SpiffeId,
}

/// What a downstream server's CA certificate is asked with.
#[derive(Clone, Debug)]
pub struct DownstreamCa {
    /// The public key, DER SubjectPublicKeyInfo.
    pub public_key: Vec<u8>,
    /// How long it should live; `ca_ttl` when not said. Capped by this CA's end.
    pub ttl: Option<Duration>,
}

/// A signed certificate.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IssuedX509 {
    /// The certificate and those between it and the root, each DER.
    pub chain: Vec<Vec<u8>>,
    /// Whose it is.
    pub spiffe_id: SpiffeId,
    /// Its serial number in decimal.
    pub serial_decimal: String,
    /// First moment of validity.
    pub not_before: Timestamp,
    /// Last moment of validity, to the second.
    pub expires_at: Timestamp,
}

/// A certificate with every rule checked and every byte fixed, but for the signature.
#[derive(Debug)]
pub struct PreparedX509 {
    ca: Arc<X509Ca>,
    unsigned: Unsigned,
    spiffe_id: SpiffeId,
    serial: Serial,
    not_before: Timestamp,
    expires_at: Timestamp,
}

impl PreparedX509 {
    fn new(
        ca: Arc<X509Ca>,
        draft: CertificateDraft,
        spiffe_id: SpiffeId,
    ) -> Result<Self, AuthorityError> {
        let (serial, not_before, expires_at) = (
            draft.serial.clone(),
            seconds(draft.not_before),
            seconds(draft.not_after),
        );
        let unsigned = draft.prepare(ca.key.scheme)?;
        Ok(Self {
            ca,
            unsigned,
            spiffe_id,
            serial,
            not_before,
            expires_at,
        })
    }

    /// Signs it; there is no second time.
    ///
    /// # Errors
    /// When the key manager fails.
    pub async fn sign(self) -> Result<IssuedX509, AuthorityError> {
        let signature = self.ca.key.sign(self.unsigned.message()).await?;
        let mut chain = Vec::with_capacity(1 + self.ca.upstream_chain.len());
        chain.push(self.unsigned.finish(&signature)?);
        chain.extend_from_slice(&self.ca.upstream_chain);
        Ok(IssuedX509 {
            chain,
            spiffe_id: self.spiffe_id,
            serial_decimal: self.serial.to_string(),
            not_before: self.not_before,
            expires_at: self.expires_at,
        })
    }
}

/// Certificates count in seconds.
fn seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

impl Authority {
    /// Prepares a workload's X509-SVID.
    ///
    /// # Errors
    /// When there is no usable CA, the ID is not of this trust domain, or a name or the key
    /// cannot be encoded.
    pub fn prepare_workload_x509(
        &self,
        request: WorkloadX509,
    ) -> Result<PreparedX509, AuthorityError> {
        let mut subject = request
            .subject
            .filter(|subject| !subject.is_empty())
            .unwrap_or_else(|| NameBuilder::us("SPIRE"));
        if let Some(first) = request.dns_names.first() {
            subject.common_name.clone_from(first);
        }
        self.prepare_svid(Holder {
            id: &request.spiffe_id,
            public_key: &request.public_key,
            subject,
            dns_names: &request.dns_names,
            ttl: self.x509_ttl(request.ttl),
        })
    }

    /// Prepares an agent's X509-SVID.
    ///
    /// # Errors
    /// As [`Authority::prepare_workload_x509`].
    pub fn prepare_agent_x509(&self, request: AgentX509) -> Result<PreparedX509, AuthorityError> {
        self.prepare_svid(Holder {
            id: &request.spiffe_id,
            public_key: &request.public_key,
            subject: NameBuilder::us("SPIRE"),
            dns_names: &[],
            ttl: self.config().agent_ttl,
        })
    }

    /// Prepares the server's own X509-SVID.
    ///
    /// # Errors
    /// As [`Authority::prepare_workload_x509`].
    pub fn prepare_server_x509(&self, public_key: &[u8]) -> Result<PreparedX509, AuthorityError> {
        self.prepare_svid(Holder {
            id: &self.config().trust_domain.server_id(),
            public_key,
            subject: NameBuilder::us("SPIRE"),
            dns_names: &[],
            ttl: self.config().default_x509_svid_ttl,
        })
    }

    /// Prepares a downstream server's CA certificate.
    ///
    /// # Errors
    /// As [`Authority::prepare_workload_x509`].
    pub fn prepare_downstream_ca(
        &self,
        request: DownstreamCa,
    ) -> Result<PreparedX509, AuthorityError> {
        let ca = self.x509_ca()?;
        let mut subject = NameBuilder::from_der(&ca.certificate.subject)?;
        subject.organizational_unit = vec![format!("DOWNSTREAM-{}", ca.depth())];
        let id = self.config().trust_domain.id();
        let holder = Holder {
            id: &id,
            public_key: &request.public_key,
            subject,
            dns_names: &[],
            ttl: set(request.ttl).unwrap_or(self.config().ca_ttl),
        };
        let draft = self.profiles().ca(Some(&ca), holder, self.now())?;
        PreparedX509::new(ca, draft, id)
    }

    fn prepare_svid(&self, holder: Holder<'_>) -> Result<PreparedX509, AuthorityError> {
        check_member(&self.config().trust_domain, holder.id, "X509-SVID ID")?;
        let ca = self.x509_ca()?;
        let draft = self.profiles().svid(&ca, &holder, self.now())?;
        PreparedX509::new(ca, draft, holder.id.clone())
    }

    fn x509_ttl(&self, wish: Option<Duration>) -> Duration {
        set(wish).unwrap_or(self.config().default_x509_svid_ttl)
    }

    /// Prepares and signs a workload's X509-SVID.
    ///
    /// # Errors
    /// As [`Authority::prepare_workload_x509`] and [`PreparedX509::sign`].
    pub async fn sign_workload_x509(
        &self,
        request: WorkloadX509,
    ) -> Result<IssuedX509, AuthorityError> {
        self.prepare_workload_x509(request)?.sign().await
    }

    /// Prepares and signs an agent's X509-SVID.
    ///
    /// # Errors
    /// As [`Authority::prepare_agent_x509`] and [`PreparedX509::sign`].
    pub async fn sign_agent_x509(&self, request: AgentX509) -> Result<IssuedX509, AuthorityError> {
        self.prepare_agent_x509(request)?.sign().await
    }

    /// Prepares and signs the server's own X509-SVID.
    ///
    /// # Errors
    /// As [`Authority::prepare_server_x509`] and [`PreparedX509::sign`].
    pub async fn sign_server_x509(&self, public_key: &[u8]) -> Result<IssuedX509, AuthorityError> {
        self.prepare_server_x509(public_key)?.sign().await
    }

    /// Prepares and signs a downstream server's CA certificate.
    ///
    /// # Errors
    /// As [`Authority::prepare_downstream_ca`] and [`PreparedX509::sign`].
    pub async fn sign_downstream_ca(
        &self,
        request: DownstreamCa,
    ) -> Result<IssuedX509, AuthorityError> {
        self.prepare_downstream_ca(request)?.sign().await
    }
}

/// A TTL of zero is one that is not said.
pub(crate) fn set(ttl: Option<Duration>) -> Option<Duration> {
    ttl.filter(|ttl| !ttl.is_zero())
}

pub(crate) fn check_member(
    trust_domain: &TrustDomain,
    id: &SpiffeId,
    what: &'static str,
) -> Result<(), AuthorityError> {
    let not_member = format!(
        "{:?} is not a member of trust domain {:?}",
        id.as_str(),
        trust_domain.as_str()
    );
    if !id.is_member_of(trust_domain) {
        return Err(AuthorityError::Invalid {
            what,
            reason: not_member,
        });
    }
    if id.path().is_empty() {
        let reason = format!("{not_member}; path is empty");
        return Err(AuthorityError::Invalid { what, reason });
    }
    Ok(())
}
