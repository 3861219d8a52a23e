//! Certificate profiles: which fields and extensions each kind of certificate carries.

use std::time::Duration;

use jiff::Timestamp;
use steeple_spiffe::{
    SpiffeId,
    key::random,
    keyid,
    x509::{CertificateDraft, Extension, NameBuilder, Serial, X509Error, extension},
};

use crate::{AuthorityError, active::X509Ca};

/// Certificates begin this long before they are made, for clocks that are behind.
const BACKDATE: Duration = Duration::from_secs(10);

/// The extensions that are the same in every certificate of a kind.
#[derive(Clone, Debug)]
pub(crate) struct Profiles {
    svid: [Extension; 3],
    ca: [Extension; 2],
}

impl Profiles {
    pub(crate) fn new() -> Result<Self, X509Error> {
        Ok(Self {
            svid: [
                extension::svid_key_usage()?,
                extension::svid_extended_key_usage()?,
                extension::basic_constraints(false)?,
            ],
            ca: [
                extension::ca_key_usage()?,
                extension::basic_constraints(true)?,
            ],
        })
    }

    /// An X509-SVID under `ca`.
    pub(crate) fn svid(
        &self,
        ca: &X509Ca,
        holder: &Holder<'_>,
        now: Timestamp,
    ) -> Result<CertificateDraft, AuthorityError> {
        let mut extensions = Vec::with_capacity(6);
        extensions.extend_from_slice(&self.svid);
        extensions.push(extension::subject_key_id(&keyid::subject_key_id(
            holder.public_key,
        )?)?);
        extensions.push(ca.authority_key_id.clone());
        extensions.push(extension::subject_alt_name(
            holder.dns_names,
            &[holder.id.as_str()],
        )?);
        let (not_before, not_after) = validity(now, holder.ttl, Some(ca))?;
        Ok(CertificateDraft {
            serial: serial()?,
            issuer: ca.certificate.subject.clone(),
            subject: holder.subject.to_der()?,
            not_before,
            not_after,
            public_key: holder.public_key.to_vec(),
            extensions,
        })
    }

    /// A CA: self-signed when there is no `parent`.
    pub(crate) fn ca(
        &self,
        parent: Option<&X509Ca>,
        holder: Holder<'_>,
        now: Timestamp,
    ) -> Result<CertificateDraft, AuthorityError> {
        let mut extensions = Vec::with_capacity(5);
        extensions.extend_from_slice(&self.ca);
        extensions.push(extension::subject_key_id(&keyid::subject_key_id(
            holder.public_key,
        )?)?);
        extensions.extend(parent.map(|parent| parent.authority_key_id.clone()));
        extensions.push(extension::subject_alt_name::<&str, _>(
            &[],
            &[holder.id.as_str()],
        )?);
        let (not_before, not_after) = validity(now, holder.ttl, parent)?;
        let serial = serial()?;
        let subject = match parent {
            None => ca_subject(&holder.subject, &serial)?,
            Some(_) => holder.subject.to_der()?,
        };
        let issuer = parent.map_or_else(|| subject.clone(), |p| p.certificate.subject.clone());
        Ok(CertificateDraft {
            serial,
            issuer,
            subject,
            not_before,
            not_after,
            public_key: holder.public_key.to_vec(),
            extensions,
        })
    }
}

/// Who a certificate is for.
#[derive(Debug)]
pub(crate) struct Holder<'a> {
    pub(crate) id: &'a SpiffeId,
    pub(crate) public_key: &'a [u8],
    pub(crate) subject: NameBuilder,
    pub(crate) dns_names: &'a [String],
    pub(crate) ttl: Duration,
}

/// The CA's subject: a serialNumber attribute tells CAs of one name apart.
pub(crate) fn ca_subject(
    subject: &NameBuilder,
    serial: &Serial,
) -> Result<Vec<u8>, AuthorityError> {
    let mut subject = subject.clone();
    if subject.serial_number.is_empty() {
        subject.serial_number = serial.to_string();
    }
    Ok(subject.to_der()?)
}

/// A random serial number of 128 bits, never zero.
pub(crate) fn serial() -> Result<Serial, AuthorityError> {
    loop {
        let serial = Serial::from_be_bytes(&random::<16>()?);
        if !serial.as_be_bytes().is_empty() {
            return Ok(serial);
        }
    }
}

fn validity(
    now: Timestamp,
    ttl: Duration,
    signer: Option<&X509Ca>,
) -> Result<(Timestamp, Timestamp), AuthorityError> {
    let expires_at = signer.map(|ca| ca.certificate.not_after);
    if let Some(expired_at) = expires_at.filter(|end| *end <= now) {
        return Err(AuthorityError::Expired {
            what: "X509 CA",
            expired_at,
        });
    }
    Ok((lower(now, BACKDATE), capped(now, ttl, expires_at)))
}

fn lower(now: Timestamp, by: Duration) -> Timestamp {
    now.saturating_sub(by).unwrap_or(now)
}

/// `now` plus `ttl`, but no later than the signer's end.
pub(crate) fn capped(now: Timestamp, ttl: Duration, cap: Option<Timestamp>) -> Timestamp {
    let end = now.saturating_add(ttl).unwrap_or(Timestamp::MAX);
    cap.map_or(end, |cap| end.min(cap))
}
