//! Certificate, key and bundle.

use jiff::Timestamp;
use steeple_spiffe::{
    TrustDomain, X509Authority,
    key::same_public_key,
    pem::{certificates_to_pem, private_key_to_pem},
    x509::{CertificateInfo, X509Error},
};
use steeple_workload::{X509Context, X509Svid};

use crate::config::X509Files;

/// Why an update cannot be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum X509OutputError {
    /// No SVID has the hint that the configuration asks for.
    #[error("failed to find the hinted x509 SVID: none of {there} has the hint {hint:?}")]
    Hint {
        /// The hint.
        hint: String,
        /// The SPIFFE IDs that are there, and their hints.
        there: String,
    },
    /// There are no roots for the SVID's trust domain.
    #[error("no bundles found for {0:?} trust domain")]
    NoBundle(String),
    /// A certificate cannot be read.
    #[error("the certificate of {id} cannot be read: {source}")]
    Certificate {
        /// Whose.
        id: String,
        /// What is wrong.
        source: X509Error,
    },
    /// The agent handed out a key that does not belong to the certificate.
    #[error(
        "the private key of {0} does not belong to its certificate; the files stay as they are"
    )]
    Mismatch(String),
}

/// The contents of the three files.
pub(crate) struct X509Output {
    /// The certificates, leaf first.
    pub(crate) svid: String,
    /// The leaf's key.
    pub(crate) key: Vec<u8>,
    /// The roots and what else the configuration puts behind them.
    pub(crate) bundle: String,
    /// When the leaf expires.
    pub(crate) expires_at: Timestamp,
}

impl X509Output {
    /// What `context` puts into `files` at the time `now`.
    pub(crate) fn new(
        context: &X509Context,
        files: &X509Files,
        hint: &str,
        now: Timestamp,
    ) -> Result<Self, X509OutputError> {
        let svid = context.svid(hint).ok_or_else(|| unhinted(context, hint))?;
        let leaf = leaf(svid)?;
        let domain = svid.id.trust_domain();
        let roots = context
            .bundles
            .get(&domain)
            .ok_or_else(|| X509OutputError::NoBundle(domain.to_string()))?;
        let (certificates, moved) = if files.intermediates_to_bundle {
            svid.chain.split_at(1)
        } else {
            (svid.chain.as_slice(), [].as_slice())
        };
        let mut authorities = ders(&roots.x509_authorities);
        authorities.extend(moved.iter().map(Vec::as_slice));
        if files.federated {
            authorities.extend(federated(context, &domain));
        }
        // The leaf stays in any case: an empty certificate file matches no key.
        let mut certificates: Vec<&[u8]> = certificates.iter().map(Vec::as_slice).collect();
        if files.omit_expired {
            authorities.retain(|der| !expired(der, now));
            let intermediates = certificates.split_off(1);
            certificates.extend(intermediates.into_iter().filter(|der| !expired(der, now)));
        }
        Ok(Self {
            svid: certificates_to_pem(&certificates),
            key: private_key_to_pem(svid.key.pkcs8_der()).as_bytes().to_vec(),
            bundle: certificates_to_pem(&authorities),
            expires_at: leaf.not_after,
        })
    }
}

fn unhinted(context: &X509Context, hint: &str) -> X509OutputError {
    let there: Vec<String> = context
        .svids
        .iter()
        .map(|svid| format!("{} (hint {:?})", svid.id, svid.hint))
        .collect();
    X509OutputError::Hint {
        hint: hint.to_owned(),
        there: there.join(", "),
    }
}

fn leaf(svid: &X509Svid) -> Result<CertificateInfo, X509OutputError> {
    let der = svid.chain.first().map_or(&[][..], Vec::as_slice);
    let leaf = CertificateInfo::parse(der).map_err(|source| X509OutputError::Certificate {
        id: svid.id.to_string(),
        source,
    })?;
    if same_public_key(&leaf.public_key, svid.key.public_key_der()) {
        Ok(leaf)
    } else {
        Err(X509OutputError::Mismatch(svid.id.to_string()))
    }
}

/// The roots of the other trust domains, by name.
fn federated<'c>(context: &'c X509Context, own: &'c TrustDomain) -> impl Iterator<Item = &'c [u8]> {
    let others = context
        .bundles
        .iter()
        .filter(move |(domain, _)| *domain != own);
    others.flat_map(|(_, bundle)| ders(&bundle.x509_authorities))
}

fn ders(authorities: &[X509Authority]) -> Vec<&[u8]> {
    authorities
        .iter()
        .map(|authority| authority.der.as_slice())
        .collect()
}

fn expired(der: &[u8], now: Timestamp) -> bool {
    CertificateInfo::parse(der).is_ok_and(|info| now > info.not_after)
}

#[cfg(test)]
mod tests;
