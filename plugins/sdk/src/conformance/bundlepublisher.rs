//! Obligations of a BundlePublisher.

use std::time::Duration;

use jiff::Timestamp;
use steeple_spiffe::{
    Bundle, JwtAuthority, TrustDomain, X509Authority,
    key::{KeyType, PrivateKey},
    x509::{CertificateDraft, NameBuilder, Serial, extension},
};

use crate::bundlepublisher::BundlePublisher;

/// Checks a BundlePublisher, and returns the bundle that it published last: the caller looks
/// whether that is what lies in its place now. `now` is what its clock says.
pub async fn bundle_publisher(
    publisher: &dyn BundlePublisher,
    trust_domain: &TrustDomain,
    now: Timestamp,
) -> Bundle {
    let mut bundle = Bundle::empty(trust_domain.clone());
    bundle.sequence_number = 1;
    bundle.x509_authorities.push(root("first", now));
    bundle.jwt_authorities.push(jwt_key("a key", now));
    for _ in 0..2 {
        publisher
            .publish(&bundle)
            .await
            .expect("a bundle is published, and published again");
    }
    bundle.sequence_number = 2;
    bundle.x509_authorities.push(root("second", now));
    publisher
        .publish(&bundle)
        .await
        .expect("a root is added beside the old one");
    bundle.sequence_number = 3;
    bundle.x509_authorities.remove(0);
    publisher
        .publish(&bundle)
        .await
        .expect("the old root is taken away");
    bundle
}

fn jwt_key(key_id: &str, now: Timestamp) -> JwtAuthority {
    let key = PrivateKey::generate(KeyType::EcP256).expect("a key");
    JwtAuthority {
        key_id: key_id.to_owned(),
        public_key: key.public_key_der().to_vec(),
        expires_at: now.as_second() + 3600,
        tainted: false,
    }
}

fn root(name: &str, now: Timestamp) -> X509Authority {
    let key = PrivateKey::generate(KeyType::EcP256).expect("a key");
    let subject = NameBuilder {
        common_name: name.to_owned(),
        ..NameBuilder::us("Conformance")
    };
    let subject = subject.to_der().expect("a name");
    let draft = CertificateDraft {
        serial: Serial::from_be_bytes(&[1]),
        issuer: subject.clone(),
        subject,
        not_before: now,
        not_after: now + Duration::from_secs(3600),
        public_key: key.public_key_der().to_vec(),
        extensions: vec![extension::basic_constraints(true).expect("an extension")],
    };
    let unsigned = draft.prepare(key.x509_scheme()).expect("a certificate");
    let signature = key
        .sign(unsigned.scheme(), unsigned.message())
        .expect("a signature");
    X509Authority {
        der: unsigned.finish(&signature).expect("a certificate"),
        tainted: false,
    }
}
