//! Signing a CSR as a CA certificate.

use std::time::Duration;

use jiff::Timestamp;
use steeple_spiffe::{
    TrustDomain,
    csr::{CsrError, VerifiedCsr},
    key::{KeyError, random},
    keyid,
    x509::{CertificateDraft, Extension, NameBuilder, NameError, Serial, X509Error, extension},
};

use super::HeldCa;

const BACKDATE: Duration = Duration::from_secs(10);
const DEFAULT_TTL: Duration = Duration::from_secs(3600);

/// Why a certificate was not signed.
#[derive(Debug, thiserror::Error)]
pub enum MintError {
    /// The CSR cannot be read, or its signature is wrong.
    #[error("unable to parse CSR: {0}")]
    Csr(#[from] CsrError),
    /// The CSR asks for no URI SAN, or for several.
    #[error("CSR must have exactly one URI SAN")]
    NotOneUri,
    /// The CSR asks for another identity than the trust domain's.
    #[error(
        "CSR with SPIFFE ID {found:?} is invalid: must use the trust domain ID for trust domain \
         {trust_domain:?}"
    )]
    ForeignId {
        /// What it asks for.
        found: String,
        /// The one that is served.
        trust_domain: String,
    },
    /// What this CA would sign is expired from its beginning.
    #[error("upstream CA certificate has expired at {0}")]
    Expired(Timestamp),
    /// The certificate cannot be put together.
    #[error(transparent)]
    X509(#[from] X509Error),
    /// The key does not sign.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A name cannot be put into a certificate.
    #[error(transparent)]
    Name(#[from] NameError),
}

impl HeldCa {
    /// Signs the CSR; returns the new CA's certificate and those between it and the root.
    ///
    /// # Errors
    /// When the CSR is not one for the trust domain, or the CA has expired.
    pub fn mint(
        &self,
        csr: &[u8],
        preferred_ttl: Option<Duration>,
        trust_domain: &TrustDomain,
        now: Timestamp,
    ) -> Result<Vec<Vec<u8>>, MintError> {
        let csr = VerifiedCsr::parse(csr)?;
        let [uri] = csr.uris() else {
            return Err(MintError::NotOneUri);
        };
        if *uri != trust_domain.id().as_str() {
            return Err(MintError::ForeignId {
                found: uri.clone(),
                trust_domain: trust_domain.to_string(),
            });
        }
        let ttl = preferred_ttl
            .filter(|ttl| !ttl.is_zero())
            .unwrap_or(DEFAULT_TTL);
        let mut extensions = vec![
            extension::ca_key_usage()?,
            extension::basic_constraints(true)?,
            extension::subject_key_id(&keyid::subject_key_id(csr.public_key())?)?,
        ];
        extensions.extend(self.authority_key_id()?);
        // What else the CSR asks for goes in as it is; what makes it a CA is ours to say.
        let ours: Vec<_> = extensions
            .iter()
            .map(|extension| extension.extn_id)
            .collect();
        let asked = csr
            .extensions()
            .iter()
            .filter(|asked| !ours.contains(&asked.extn_id));
        extensions.extend(asked.cloned());
        let end = now.saturating_add(ttl).unwrap_or(Timestamp::MAX);
        let certificate = self.sign(csr.subject(), csr.public_key(), extensions, now, end)?;
        let mut chain = vec![certificate];
        chain.extend_from_slice(&self.chain);
        Ok(chain)
    }

    /// An SVID that nobody gets, to see whether what this CA signs verifies.
    pub(super) fn probe(
        &self,
        trust_domain: &TrustDomain,
        now: Timestamp,
    ) -> Result<Vec<u8>, MintError> {
        let id = format!("{}/spire/throwaway", trust_domain.id());
        let mut extensions = vec![
            extension::svid_key_usage()?,
            extension::basic_constraints(false)?,
        ];
        extensions.extend(self.authority_key_id()?);
        extensions.push(extension::subject_alt_name::<&str, _>(&[], &[id])?);
        let subject = NameBuilder::us("SPIRE").to_der()?;
        let end = now.saturating_add(DEFAULT_TTL).unwrap_or(Timestamp::MAX);
        self.sign(&subject, self.key.public_key_der(), extensions, now, end)
    }

    fn authority_key_id(&self) -> Result<Option<Extension>, X509Error> {
        self.certificate
            .subject_key_id
            .as_deref()
            .map(extension::authority_key_id)
            .transpose()
    }

    fn sign(
        &self,
        subject: &[u8],
        public_key: &[u8],
        extensions: Vec<Extension>,
        now: Timestamp,
        end: Timestamp,
    ) -> Result<Vec<u8>, MintError> {
        if self.certificate.not_after <= now {
            return Err(MintError::Expired(self.certificate.not_after));
        }
        let draft = CertificateDraft {
            serial: Serial::from_be_bytes(&random::<16>()?),
            issuer: self.certificate.subject.clone(),
            subject: subject.to_vec(),
            not_before: now.saturating_sub(BACKDATE).unwrap_or(now),
            not_after: end.min(self.certificate.not_after),
            public_key: public_key.to_vec(),
            extensions,
        };
        let unsigned = draft.prepare(self.key.x509_scheme())?;
        let signature = self.key.sign(unsigned.scheme(), unsigned.message())?;
        Ok(unsigned.finish(&signature)?)
    }
}
