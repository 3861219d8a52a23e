//! X.509-SVID rules and chain verification (X509-SVID standard, sections 4 and 5).

use jiff::Timestamp;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter};

use super::{CertificateInfo, X509Error};
use crate::{Bundle, SpiffeId, X509Authority};

/// What a verified certificate chain says of its holder.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VerifiedPeer {
    /// Who it is.
    pub id: SpiffeId,
    /// First moment of the leaf's validity.
    pub not_before: Timestamp,
    /// Last moment of the leaf's validity.
    pub not_after: Timestamp,
    /// The leaf's serial number in decimal, as SPIRE stores it.
    pub serial_decimal: String,
    /// The chain as it was presented, leaf first, each DER.
    pub chain: Vec<Vec<u8>>,
}

/// Checks what the standard says of an SVID's leaf and reads its SPIFFE ID. The chain is not
/// verified.
///
/// # Errors
/// When the leaf is a CA, may sign certificates or revocation lists, or has not exactly one URI
/// SAN that is a SPIFFE ID.
pub fn spiffe_id_from_leaf(leaf_der: &[u8]) -> Result<SpiffeId, X509Error> {
    check_leaf(&CertificateInfo::parse(leaf_der)?)
}

fn check_leaf(leaf: &CertificateInfo) -> Result<SpiffeId, X509Error> {
    let uri = match leaf.uris.as_slice() {
        [] => return Err(X509Error::NoUri),
        [uri] => uri,
        _ => return Err(X509Error::ManyUris),
    };
    let id = SpiffeId::parse(uri).map_err(|source| X509Error::Id {
        uri: uri.clone(),
        source,
    })?;
    if leaf.is_ca {
        return Err(X509Error::LeafIsCa);
    }
    match leaf.key_usage {
        Some(usage) if usage.key_cert_sign => Err(X509Error::LeafSignsCertificates),
        Some(usage) if usage.crl_sign => Err(X509Error::LeafSignsCrls),
        _ => Ok(id),
    }
}

/// Roots, parsed once and used for any number of verifications.
#[derive(Clone, Debug, Default)]
pub struct TrustAnchors(Vec<Root>);

#[derive(Clone, Debug)]
struct Root {
    anchor: TrustAnchor<'static>,
    not_before: Timestamp,
    not_after: Timestamp,
}

impl TrustAnchors {
    /// Parses the roots. Tainted ones count as well: what they signed stays valid until it has
    /// been replaced.
    ///
    /// # Errors
    /// As [`TrustAnchors::from_der`].
    pub fn new(roots: &[X509Authority]) -> Result<Self, X509Error> {
        Self::from_der(roots.iter().map(|root| root.der.as_slice()))
    }

    /// Parses DER roots.
    ///
    /// A root that cannot be used is passed over, so that one odd certificate in a bundle does
    /// not take the others with it: nothing will verify against it.
    ///
    /// # Errors
    /// When there are roots, but none that can be used.
    pub fn from_der<'a>(roots: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, X509Error> {
        let (mut usable, mut refused) = (Vec::new(), None);
        for root in roots {
            match Root::parse(root) {
                Ok(root) => usable.push(root),
                Err(error) => refused = Some(error),
            }
        }
        match refused {
            Some(error) if usable.is_empty() => Err(error),
            _ => Ok(Self(usable)),
        }
    }

    /// Whether there is no root at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Verifies an X509-SVID chain, leaf first, at the time `now`.
    ///
    /// # Errors
    /// When the leaf breaks a rule of the standard, or the chain does not end at one of these
    /// roots, has expired or is not valid yet.
    pub fn verify<C: AsRef<[u8]>>(
        &self,
        chain: &[C],
        now: Timestamp,
    ) -> Result<VerifiedPeer, X509Error> {
        let (leaf_der, intermediates) = chain.split_first().ok_or(X509Error::EmptyChain)?;
        let leaf = CertificateInfo::parse(leaf_der.as_ref())?;
        let id = check_leaf(&leaf)?;
        self.verify_path(leaf_der.as_ref(), intermediates, now)
            .map_err(|error| self.explain(error, &leaf, now))?;
        Ok(VerifiedPeer {
            id,
            not_before: leaf.not_before,
            not_after: leaf.not_after,
            serial_decimal: leaf.serial.to_string(),
            chain: chain.iter().map(|der| der.as_ref().to_vec()).collect(),
        })
    }

    fn verify_path<C: AsRef<[u8]>>(
        &self,
        leaf: &[u8],
        intermediates: &[C],
        now: Timestamp,
    ) -> Result<(), webpki::Error> {
        let leaf = CertificateDer::from(leaf);
        let leaf = EndEntityCert::try_from(&leaf)?;
        let intermediates: Vec<CertificateDer<'_>> = intermediates
            .iter()
            .map(|der| CertificateDer::from(der.as_ref()))
            .collect();
        let anchors: Vec<TrustAnchor<'_>> = self
            .0
            .iter()
            .filter(|root| root.is_valid(now))
            .map(|root| root.anchor.clone())
            .collect();
        let seconds = u64::try_from(now.as_second()).unwrap_or_default();
        leaf.verify_for_usage(
            webpki::ALL_VERIFICATION_ALGS,
            &anchors,
            &intermediates,
            UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds)),
            AnyUsage,
            None,
            None,
        )
        .map(drop)
    }

    /// Says of a failure what a reader can act on; webpki's own texts are variant names.
    fn explain(&self, error: webpki::Error, leaf: &CertificateInfo, now: Timestamp) -> X509Error {
        if now.as_second() > leaf.not_after.as_second() {
            return X509Error::Expired {
                not_after: leaf.not_after.to_string(),
            };
        }
        if now < leaf.not_before {
            return X509Error::NotYetValid {
                not_before: leaf.not_before.to_string(),
            };
        }
        match error {
            webpki::Error::UnknownIssuer | webpki::Error::InvalidSignatureForPublicKey => {
                X509Error::UnknownAuthority
            }
            webpki::Error::CertExpired { not_after, .. } => X509Error::Expired {
                not_after: text(not_after),
            },
            webpki::Error::CertNotValidYet { not_before, .. } => X509Error::NotYetValid {
                not_before: text(not_before),
            },
            other => X509Error::Chain(other.to_string()),
        }
    }
}

fn text(time: UnixTime) -> String {
    i64::try_from(time.as_secs())
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .map(|time| time.to_string())
        .unwrap_or_default()
}

impl Root {
    /// Certificates count in seconds, and the last one is valid to its end.
    fn is_valid(&self, now: Timestamp) -> bool {
        (self.not_before.as_second()..=self.not_after.as_second()).contains(&now.as_second())
    }

    fn parse(der: &[u8]) -> Result<Self, X509Error> {
        let info = CertificateInfo::parse(der)?;
        let der = CertificateDer::from(der);
        let anchor = webpki::anchor_from_trusted_cert(&der)
            .map_err(|e| X509Error::Malformed(e.to_string()))?
            .to_owned();
        Ok(Self {
            anchor,
            not_before: info.not_before,
            not_after: info.not_after,
        })
    }
}

/// Accepts every extended key usage, as SPIFFE clients do: the SPIFFE ID is what counts.
struct AnyUsage;

impl ExtendedKeyUsageValidator for AnyUsage {
    fn validate(&self, usages: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        usages.into_iter().try_for_each(|usage| usage.map(drop))
    }
}

/// Verifies a chain against `roots`; see [`TrustAnchors::verify`], which is cheaper when the same
/// roots are used again.
///
/// # Errors
/// As [`TrustAnchors::verify`].
pub fn verify_chain<C: AsRef<[u8]>>(
    chain: &[C],
    roots: &[X509Authority],
    now: Timestamp,
) -> Result<VerifiedPeer, X509Error> {
    TrustAnchors::new(roots)?.verify(chain, now)
}

/// Verifies a chain against the bundle of the trust domain its leaf must belong to.
///
/// # Errors
/// As [`TrustAnchors::verify`], and when the ID is of another trust domain than the bundle.
pub fn verify_member<C: AsRef<[u8]>>(
    chain: &[C],
    bundle: &Bundle,
    now: Timestamp,
) -> Result<VerifiedPeer, X509Error> {
    let peer = verify_chain(chain, &bundle.x509_authorities, now)?;
    if peer.id.trust_domain() != bundle.trust_domain {
        return Err(X509Error::ForeignTrustDomain {
            id: peer.id.to_string(),
            trust_domain: bundle.trust_domain.to_string(),
        });
    }
    Ok(peer)
}
