use std::time::Duration;

use jiff::Timestamp;

use super::*;
use crate::{
    Bundle, TrustDomain, X509Authority,
    key::{KeyType, PrivateKey},
};

const HOUR: Duration = Duration::from_secs(3600);

fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

/// A certificate of the test's own making.
struct Made {
    key: PrivateKey,
    der: Vec<u8>,
}

/// What the tests vary.
struct Plan<'a> {
    ca: bool,
    usage: Option<Extension>,
    uris: &'a [&'a str],
    begins: Timestamp,
    ends: Timestamp,
    more: Vec<Extension>,
}

impl Plan<'_> {
    fn ca() -> Self {
        Self {
            ca: true,
            usage: Some(extension::ca_key_usage().unwrap()),
            uris: &[],
            begins: now() - HOUR,
            ends: now() + HOUR,
            more: vec![],
        }
    }

    fn svid() -> Self {
        let usage = Some(extension::svid_key_usage().unwrap());
        Self {
            ca: false,
            usage,
            uris: &["spiffe://example.org/a"],
            ..Self::ca()
        }
    }

    fn make(self, name: &str, parent: Option<&Made>) -> Made {
        self.make_with(name, parent, KeyType::EcP256)
    }

    fn make_with(self, name: &str, parent: Option<&Made>, key_type: KeyType) -> Made {
        let key = PrivateKey::generate(key_type).unwrap();
        let subject = NameBuilder::us(name).to_der().unwrap();
        let issuer = parent.map(|parent| CertificateInfo::parse(&parent.der).unwrap().subject);
        let mut extensions: Vec<Extension> = self.usage.into_iter().collect();
        extensions.push(extension::basic_constraints(self.ca).unwrap());
        if !self.uris.is_empty() {
            extensions.push(extension::subject_alt_name::<&str, _>(&[], self.uris).unwrap());
        }
        extensions.extend(self.more);
        let draft = CertificateDraft {
            serial: Serial::from_be_bytes(&[0x80, 1]),
            issuer: issuer.unwrap_or_else(|| subject.clone()),
            subject,
            not_before: self.begins,
            not_after: self.ends,
            public_key: key.public_key_der().to_vec(),
            extensions,
        };
        let signer = parent.map_or(&key, |parent| &parent.key);
        let unsigned = draft.prepare(signer.x509_scheme()).unwrap();
        let signature = signer.sign(unsigned.scheme(), unsigned.message()).unwrap();
        let der = unsigned.finish(&signature).unwrap();
        Made { key, der }
    }
}

fn roots(certificates: &[&Made]) -> Vec<X509Authority> {
    certificates
        .iter()
        .map(|c| X509Authority {
            der: c.der.clone(),
            tainted: false,
        })
        .collect()
}

fn verify(chain: &[&Made], root: &Made) -> Result<VerifiedPeer, X509Error> {
    let chain: Vec<&[u8]> = chain.iter().map(|made| made.der.as_slice()).collect();
    verify_chain(&chain, &roots(&[root]), now())
}

#[test]
fn a_good_chain_says_who_it_is() {
    for key_type in [KeyType::EcP256, KeyType::EcP384, KeyType::Rsa2048] {
        let root = Plan::ca().make_with("root", None, key_type);
        let one = Plan::ca().make_with("one", Some(&root), key_type);
        let two = Plan::ca().make("two", Some(&one));
        let leaf = Plan::svid().make("leaf", Some(&two));
        let peer = verify(&[&leaf, &two, &one], &root).unwrap();
        assert_eq!(peer.id.as_str(), "spiffe://example.org/a");
        assert_eq!(peer.serial_decimal, "32769");
        assert_eq!(
            (peer.not_before, peer.not_after),
            (now() - HOUR, now() + HOUR)
        );
        assert_eq!(peer.chain.len(), 3);
        // The order of intermediates does not matter.
        verify(&[&leaf, &one, &two], &root).unwrap();
    }
}

#[test]
fn chains_that_end_nowhere_are_refused() {
    let root = Plan::ca().make("root", None);
    // Same name, another key.
    let impostor = Plan::ca().make("root", None);
    let middle = Plan::ca().make("middle", Some(&root));
    let leaf = Plan::svid().make("leaf", Some(&middle));
    verify(&[&leaf, &middle], &root).unwrap();
    assert_eq!(verify(&[&leaf], &root), Err(X509Error::UnknownAuthority));
    assert!(verify(&[&leaf, &middle], &impostor).is_err());
    assert_eq!(verify(&[], &root), Err(X509Error::EmptyChain));
    assert!(verify_chain(&[&leaf.der, &middle.der], &[], now()).is_err());
    let own = Plan::svid().make("own", None);
    assert!(verify(&[&own], &root).is_err(), "self-signed");
}

#[test]
fn an_svid_cannot_issue() {
    let root = Plan::ca().make("root", None);
    let svid = Plan::svid().make("svid", Some(&root));
    let below = Plan::svid().make("below", Some(&svid));
    assert!(verify(&[&below, &svid], &root).is_err());
}

#[test]
fn every_certificate_must_be_valid_now() {
    let root = Plan::ca().make("root", None);
    let late = |plan: Plan<'static>| Plan {
        ends: now() - HOUR / 2,
        ..plan
    };
    let early = |plan: Plan<'static>| Plan {
        begins: now() + HOUR / 2,
        ..plan
    };
    let leaf = late(Plan::svid()).make("leaf", Some(&root));
    assert!(matches!(
        verify(&[&leaf], &root),
        Err(X509Error::Expired { .. })
    ));
    let leaf = early(Plan::svid()).make("leaf", Some(&root));
    assert!(matches!(
        verify(&[&leaf], &root),
        Err(X509Error::NotYetValid { .. })
    ));
    let middle = late(Plan::ca()).make("middle", Some(&root));
    let leaf = Plan::svid().make("leaf", Some(&middle));
    assert!(matches!(
        verify(&[&leaf, &middle], &root),
        Err(X509Error::Expired { .. })
    ));
    let old = late(Plan::ca()).make("old", None);
    let leaf = Plan::svid().make("leaf", Some(&old));
    assert_eq!(
        verify(&[&leaf], &old),
        Err(X509Error::UnknownAuthority),
        "an expired root is none"
    );
}

#[test]
fn leaf_rules_are_refused_by_name() {
    let root = Plan::ca().make("root", None);
    let verdict = |plan: Plan<'_>| verify(&[&plan.make("leaf", Some(&root))], &root).map(drop);
    assert_eq!(verdict(Plan::svid()), Ok(()));
    assert_eq!(
        verdict(Plan {
            uris: &[],
            ..Plan::svid()
        }),
        Err(X509Error::NoUri)
    );
    let uris = &["spiffe://example.org/a", "spiffe://example.org/b"];
    assert_eq!(
        verdict(Plan {
            uris,
            ..Plan::svid()
        }),
        Err(X509Error::ManyUris)
    );
    for uri in [
        "https://example.org/a",
        "spiffe://example.org/a/",
        "spiffe://Example.org/a",
    ] {
        let refused = verdict(Plan {
            uris: &[uri],
            ..Plan::svid()
        });
        assert!(
            matches!(refused, Err(X509Error::Id { .. })),
            "{uri}: {refused:?}"
        );
    }
    assert_eq!(
        verdict(Plan {
            ca: true,
            ..Plan::svid()
        }),
        Err(X509Error::LeafIsCa)
    );
    let usage = Some(extension::ca_key_usage().unwrap());
    assert_eq!(
        verdict(Plan {
            usage,
            ..Plan::svid()
        }),
        Err(X509Error::LeafSignsCertificates)
    );
    assert_eq!(
        verdict(Plan {
            usage: None,
            ..Plan::svid()
        }),
        Ok(())
    );
}

#[test]
fn any_extended_key_usage_will_do() {
    let root = Plan::ca().make("root", None);
    let other = Extension {
        extn_id: const_oid::db::rfc5280::ID_CE_EXT_KEY_USAGE,
        critical: true,
        // SEQUENCE { codeSigning }
        extn_value: der::asn1::OctetString::new(
            *b"\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x03",
        )
        .unwrap(),
    };
    let leaf = Plan {
        more: vec![other],
        ..Plan::svid()
    }
    .make("leaf", Some(&root));
    verify(&[&leaf], &root).unwrap();
}

#[test]
fn an_unknown_critical_extension_is_refused() {
    let root = Plan::ca().make("root", None);
    let unknown = |critical| Extension {
        extn_id: const_oid::ObjectIdentifier::new_unwrap("1.2.3.4"),
        critical,
        extn_value: der::asn1::OctetString::new(*b"\x05\x00").unwrap(),
    };
    let leaf = Plan {
        more: vec![unknown(false)],
        ..Plan::svid()
    }
    .make("leaf", Some(&root));
    verify(&[&leaf], &root).unwrap();
    let leaf = Plan {
        more: vec![unknown(true)],
        ..Plan::svid()
    }
    .make("leaf", Some(&root));
    verify(&[&leaf], &root).unwrap_err();
}

#[test]
fn a_member_must_be_of_the_bundles_trust_domain() {
    let root = Plan::ca().make("root", None);
    let leaf = Plan::svid().make("leaf", Some(&root));
    let mut bundle = Bundle::empty(TrustDomain::parse("example.org").unwrap());
    bundle.x509_authorities = roots(&[&root]);
    verify_member(&[&leaf.der], &bundle, now()).unwrap();
    bundle.trust_domain = TrustDomain::parse("other.org").unwrap();
    let refused = verify_member(&[&leaf.der], &bundle, now());
    assert!(
        matches!(refused, Err(X509Error::ForeignTrustDomain { .. })),
        "{refused:?}"
    );
}

#[test]
fn a_flipped_bit_anywhere_is_noticed() {
    let root = Plan::ca().make("root", None);
    let leaf = Plan::svid().make("leaf", Some(&root));
    let roots = TrustAnchors::new(&roots(&[&root])).unwrap();
    roots.verify(&[&leaf.der], now()).unwrap();
    for at in 0..leaf.der.len() {
        let mut der = leaf.der.clone();
        der[at] ^= 1;
        assert!(roots.verify(&[&der], now()).is_err(), "byte {at}");
    }
}

#[test]
fn garbage_is_no_certificate() {
    let root = Plan::ca().make("root", None);
    for der in [&b""[..], b"garbage", &root.der[..root.der.len() - 1]] {
        assert!(matches!(
            CertificateInfo::parse(der),
            Err(X509Error::Malformed(_))
        ));
    }
    let mut longer = root.der.clone();
    longer.push(0);
    assert!(matches!(
        CertificateInfo::parse(&longer),
        Err(X509Error::Malformed(_))
    ));
}

#[test]
fn serials_are_shown_in_decimal() {
    let shown = |bytes: &[u8]| Serial::from_be_bytes(bytes).to_string();
    assert_eq!(shown(&[]), "0");
    assert_eq!(shown(&[0, 0]), "0");
    assert_eq!(shown(&[0, 255]), "255");
    assert_eq!(shown(&[0x3b, 0x9a, 0xca, 0x00]), "1000000000");
    assert_eq!(shown(&[0xff; 16]), u128::MAX.to_string());
    assert_eq!(
        shown(&[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        { "340282366920938463463374607431768211456" }
    );
}

#[test]
fn names_are_encoded_as_go_does() {
    let name = NameBuilder {
        country: vec!["US".to_owned(), "CA".to_owned()],
        organization: vec!["SPIFFE & Co".to_owned()],
        serial_number: "12".to_owned(),
        ..NameBuilder::default()
    };
    let der = hex::encode(name.to_der().unwrap());
    // One SET with CA before US, PrintableStrings; `&` needs a UTF8String.
    let countries = "311630090603550406130243413009060355040613025553";
    let organization = "31143012060355040a0c0b535049464645202620436f";
    assert!(der.contains(countries), "{der}");
    assert!(der.contains(organization), "{der}");
    assert_eq!(
        NameBuilder::from_der(&name.to_der().unwrap())
            .unwrap()
            .organization,
        name.organization
    );
    assert!(NameBuilder::default().is_empty());
}

#[test]
fn years_from_2050_on_are_generalized_time() {
    let far = "2060-01-01T00:00:00Z".parse().unwrap();
    let root = Plan {
        ends: far,
        ..Plan::ca()
    }
    .make("root", None);
    assert_eq!(CertificateInfo::parse(&root.der).unwrap().not_after, far);
}

#[test]
fn one_odd_root_does_not_take_the_others_with_it() {
    let root = Plan::ca().make("root", None);
    let leaf = Plan::svid().make("leaf", Some(&root));
    let odd = X509Authority {
        der: b"garbage".to_vec(),
        tainted: false,
    };
    let mut all = roots(&[&root]);
    all.insert(0, odd.clone());
    verify_chain(&[&leaf.der], &all, now()).unwrap();
    TrustAnchors::new(&[odd]).unwrap_err();
    assert!(TrustAnchors::new(&[]).unwrap().is_empty());
}

#[test]
fn the_last_second_is_valid_to_its_end() {
    let root = Plan::ca().make("root", None);
    let leaf = Plan::svid().make("leaf", Some(&root));
    let at = |millis: u64| {
        let now = now() + HOUR + Duration::from_millis(millis);
        verify_chain(&[&leaf.der], &roots(&[&root]), now).map(drop)
    };
    assert_eq!(at(999), Ok(()));
    assert!(matches!(at(1000), Err(X509Error::Expired { .. })));
}
