//! Obligations of an UpstreamAuthority.

use std::time::Duration;

use jiff::Timestamp;
use steeple_spiffe::{
    TrustDomain,
    csr::CsrDraft,
    key::{KeyType, PrivateKey},
    x509::{CertificateInfo, NameBuilder},
};

use crate::{PluginError, upstreamauthority::UpstreamAuthority};

/// Checks an UpstreamAuthority for `trust_domain`; `now` is what its clock says.
pub async fn upstream_authority(
    upstream: &dyn UpstreamAuthority,
    trust_domain: &TrustDomain,
    now: Timestamp,
) {
    mints(upstream, trust_domain, now).await;
    refuses(upstream).await;
}

async fn mints(upstream: &dyn UpstreamAuthority, trust_domain: &TrustDomain, now: Timestamp) {
    let key = PrivateKey::generate(KeyType::EcP256).expect("a key");
    let subject = NameBuilder::us("SPIFFE").to_der().expect("a name");
    let csr = csr(&key, subject.clone(), trust_domain.id().as_str());
    let wish = Duration::from_secs(1800);
    let minted = upstream
        .mint_x509_ca(&csr, Some(wish))
        .await
        .expect("a CA is minted");
    let chain: Vec<_> = minted
        .chain
        .iter()
        .map(|der| CertificateInfo::parse(der).expect("the chain holds certificates"))
        .collect();
    let ca = chain.first().expect("the chain is not empty");
    assert_eq!(
        ca.public_key,
        key.public_key_der(),
        "the CA is for the key in the CSR"
    );
    assert_eq!(
        ca.uris,
        [trust_domain.id().to_string()],
        "its URI SAN is the trust domain"
    );
    assert!(ca.is_ca, "basic constraints say CA");
    assert!(
        ca.key_usage.is_some_and(|usage| usage.key_cert_sign),
        "it may sign certificates"
    );
    assert!(
        ca.not_before <= now && now < ca.not_after,
        "it is valid now"
    );
    let roots = minted.roots.borrow().clone();
    assert!(!roots.is_empty(), "there are roots");
    let roots: Vec<_> = roots
        .iter()
        .map(|root| CertificateInfo::parse(&root.der).expect("roots are certificates"))
        .collect();
    let issuers = chain.iter().skip(1).chain(&roots);
    for (below, above) in chain.iter().zip(chain.iter().skip(1)) {
        assert_eq!(below.issuer, above.subject, "each is signed by the next");
    }
    assert!(
        issuers.clone().any(|above| chain
            .last()
            .is_some_and(|last| last.issuer == above.subject)),
        "the chain ends at a root"
    );
    assert!(
        chain
            .iter()
            .all(|certificate| roots.iter().all(|root| root.der != certificate.der)),
        "the chain does not contain a root"
    );
}

async fn refuses(upstream: &dyn UpstreamAuthority) {
    let minted = upstream.mint_x509_ca(b"not a csr", None).await;
    assert!(
        matches!(
            minted,
            Err(PluginError::InvalidArgument(_) | PluginError::Internal(_))
        ),
        "garbage is refused"
    );
    let key = PrivateKey::generate(KeyType::EcP256).expect("a key");
    let foreign = csr(&key, Vec::new(), "spiffe://foreign.example");
    let minted = upstream.mint_x509_ca(&foreign, None).await;
    assert!(minted.is_err(), "a CSR for another trust domain is refused");
}

fn csr(key: &PrivateKey, subject: Vec<u8>, uri: &str) -> Vec<u8> {
    let draft = CsrDraft {
        subject,
        uris: vec![uri.to_owned()],
        dns_names: Vec::new(),
        public_key: key.public_key_der().to_vec(),
    };
    let unsigned = draft.prepare(key.x509_scheme()).expect("a CSR");
    let signature = key
        .sign(unsigned.scheme(), unsigned.message())
        .expect("a signature");
    unsigned.finish(&signature).expect("a CSR")
}
