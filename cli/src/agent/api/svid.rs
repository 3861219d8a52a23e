//! The X.509-SVIDs of an answer, taken apart and verified.

use std::collections::BTreeMap;

use jiff::Timestamp;
use steeple_proto::workload::X509svidResponse;
use steeple_spiffe::{
    Bundle, IdError, SpiffeId, X509Authority,
    x509::{CertificateInfo, X509Error, verify_member},
};

/// Why an answer does not hold usable SVIDs.
#[derive(Debug, thiserror::Error)]
pub enum SvidError {
    /// The agent has none for this process.
    #[error("workload response contains no svids")]
    None,
    /// One SVID is not what it should be.
    #[error("failed to parse svid entry {entry} for spiffe id {}: {why}", crate::goflag::quote(.id))]
    Entry {
        /// Its place in the answer, from 0.
        entry: usize,
        /// The SPIFFE ID that the answer gives it.
        id: String,
        /// What is wrong.
        why: PartError,
    },
    /// The bundle of a federated trust domain is not one.
    #[error("failed to parse bundle for federated domain {}: {why}", crate::goflag::quote(.domain))]
    Federated {
        /// The trust domain's ID.
        domain: String,
        /// What is wrong.
        why: PartError,
    },
    /// The SVID's own ID breaks a rule.
    #[error(transparent)]
    Id(#[from] IdError),
    /// The SVID does not lead to its bundle.
    #[error("{} SVID failed verification against bundle: {why}", crate::goflag::quote(.id))]
    Untrusted {
        /// The SPIFFE ID.
        id: String,
        /// What is wrong.
        why: X509Error,
    },
}

/// Why a part of an SVID cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PartError {
    /// A certificate cannot be read.
    #[error(transparent)]
    Certificate(#[from] X509Error),
    /// There is no certificate at all.
    #[error("no certificates found")]
    NoCertificate,
    /// The bundle holds no certificate.
    #[error("no certificates in trust bundle")]
    EmptyBundle,
    /// The bytes end within a certificate.
    #[error("the certificates are cut off after {0} bytes")]
    CutOff(usize),
}

/// An X.509-SVID that leads to its trust domain's bundle.
#[derive(Debug)]
pub struct FetchedSvid {
    /// Whose it is.
    pub spiffe_id: SpiffeId,
    /// What tells it from others of the same process; may be empty.
    pub hint: String,
    /// Leaf first.
    pub certificates: Vec<CertificateInfo>,
    /// The private key, DER PKCS#8.
    pub key: Vec<u8>,
    /// The roots of the own trust domain.
    pub bundle: Vec<CertificateInfo>,
    /// The roots of federated trust domains by ID.
    pub federated: BTreeMap<String, Vec<CertificateInfo>>,
}

/// Takes an answer of the Workload API apart and verifies each SVID.
///
/// # Errors
/// When a part cannot be read or an SVID does not lead to its bundle at `now`.
pub fn parse_svids(
    answer: &X509svidResponse,
    now: Timestamp,
) -> Result<Vec<FetchedSvid>, SvidError> {
    if answer.svids.is_empty() {
        return Err(SvidError::None);
    }
    let mut federated = BTreeMap::new();
    for (domain, der) in &answer.federated_bundles {
        let wrong = |why| SvidError::Federated {
            domain: domain.clone(),
            why,
        };
        federated.insert(
            domain.clone(),
            certificates(der, PartError::NoCertificate).map_err(wrong)?,
        );
    }
    let mut svids = Vec::new();
    for (entry, svid) in answer.svids.iter().enumerate() {
        let wrong = |why| SvidError::Entry {
            entry,
            id: svid.spiffe_id.clone(),
            why,
        };
        let parsed = FetchedSvid {
            spiffe_id: SpiffeId::parse(&svid.spiffe_id)?,
            hint: svid.hint.clone(),
            certificates: certificates(&svid.x509_svid, PartError::NoCertificate).map_err(wrong)?,
            key: svid.x509_svid_key.to_vec(),
            bundle: certificates(&svid.bundle, PartError::EmptyBundle).map_err(wrong)?,
            federated: federated.clone(),
        };
        verify(&parsed, now)?;
        svids.push(parsed);
    }
    Ok(svids)
}

fn verify(svid: &FetchedSvid, now: Timestamp) -> Result<(), SvidError> {
    let mut bundle = Bundle::empty(svid.spiffe_id.trust_domain());
    bundle.x509_authorities = svid
        .bundle
        .iter()
        .map(|root| X509Authority {
            der: root.der.clone(),
            tainted: false,
        })
        .collect();
    let chain: Vec<&[u8]> = svid
        .certificates
        .iter()
        .map(|one| one.der.as_slice())
        .collect();
    verify_member(&chain, &bundle, now)
        .map(|_peer| ())
        .map_err(|why| SvidError::Untrusted {
            id: svid.spiffe_id.to_string(),
            why,
        })
}

fn certificates(der: &[u8], none: PartError) -> Result<Vec<CertificateInfo>, PartError> {
    let mut rest = der;
    let mut found = Vec::new();
    while !rest.is_empty() {
        let length = element_length(rest)
            .filter(|length| *length <= rest.len())
            .ok_or(PartError::CutOff(der.len()))?;
        let (one, left) = rest.split_at(length);
        found.push(CertificateInfo::parse(one)?);
        rest = left;
    }
    if found.is_empty() {
        Err(none)
    } else {
        Ok(found)
    }
}

/// How many bytes the DER element at the start takes, its own header included.
fn element_length(der: &[u8]) -> Option<usize> {
    let first = usize::from(*der.get(1)?);
    if first < 0x80 {
        return Some(2 + first);
    }
    let count = first & 0x7f;
    if count == 0 || count > 4 {
        return None;
    }
    let length = der
        .get(2..2 + count)?
        .iter()
        .fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
    length.checked_add(2 + count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn der_elements_are_measured() {
        assert_eq!(element_length(&[0x30, 0x05, 0, 0]), Some(7));
        assert_eq!(element_length(&[0x30, 0x81, 0xc8]), Some(203));
        assert_eq!(element_length(&[0x30, 0x82, 0x01, 0x00]), Some(260));
        for wrong in [
            &[0x30][..],
            &[0x30, 0x80],
            &[0x30, 0x85, 1, 1, 1, 1, 1],
            &[0x30, 0x82, 1],
        ] {
            assert_eq!(element_length(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn bytes_that_end_early_are_refused() {
        let error = certificates(&[0x30, 0x05, 0], PartError::NoCertificate).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the certificates are cut off after 3 bytes"
        );
        let error = certificates(&[], PartError::EmptyBundle).unwrap_err();
        assert_eq!(error.to_string(), "no certificates in trust bundle");
    }

    #[test]
    fn an_answer_without_svids_is_refused() {
        let error = parse_svids(&X509svidResponse::default(), Timestamp::UNIX_EPOCH).unwrap_err();
        assert_eq!(error.to_string(), "workload response contains no svids");
    }
}
