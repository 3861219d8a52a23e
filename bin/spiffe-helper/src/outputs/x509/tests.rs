use std::{collections::BTreeMap, sync::Arc};

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType,
    date_time_ymd,
};
use steeple_spiffe::{Bundle, SpiffeId, key::PrivateKey, pem::certificates_from_pem};

use super::*;

type Ca = CertifiedIssuer<'static, KeyPair>;

fn ca_params(until: i32) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(until, 1, 1);
    params
}

fn root() -> Ca {
    CertifiedIssuer::self_signed(ca_params(2040), KeyPair::generate().unwrap()).unwrap()
}

fn intermediate(root: &Ca, until: i32) -> Ca {
    CertifiedIssuer::signed_by(ca_params(until), KeyPair::generate().unwrap(), root).unwrap()
}

fn leaf(issuer: &Ca, id: &str, until: i32) -> (Certificate, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![SanType::URI(id.try_into().unwrap())];
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(until, 1, 1);
    (params.signed_by(&key, issuer).unwrap(), key)
}

fn bundle(domain: &str, roots: &[&Ca]) -> (TrustDomain, Bundle) {
    let domain = TrustDomain::parse(domain).unwrap();
    let authorities = roots.iter().map(|root| X509Authority {
        der: root.der().to_vec(),
        tainted: false,
    });
    let bundle = Bundle {
        x509_authorities: authorities.collect(),
        ..Bundle::empty(domain.clone())
    };
    (domain, bundle)
}

struct World {
    root: Ca,
    intermediate: Ca,
    foreign: Ca,
    leaf: Certificate,
    context: X509Context,
}

/// An SVID with one intermediate, and a federated trust domain.
fn world(intermediate_until: i32, leaf_until: i32) -> World {
    let (root, foreign) = (root(), root());
    let intermediate = intermediate(&root, intermediate_until);
    let id = "spiffe://example.test/workload";
    let (leaf, key) = leaf(&intermediate, id, leaf_until);
    let svid = X509Svid {
        id: SpiffeId::parse(id).unwrap(),
        chain: vec![leaf.der().to_vec(), intermediate.der().to_vec()],
        key: Arc::new(PrivateKey::from_der(key.serialized_der()).unwrap()),
        hint: "other".to_owned(),
    };
    let bundles = [
        bundle("example.test", &[&root]),
        bundle("federated.test", &[&foreign]),
    ];
    World {
        context: X509Context {
            svids: vec![svid],
            bundles: BTreeMap::from(bundles),
        },
        root,
        intermediate,
        foreign,
        leaf,
    }
}

fn files() -> X509Files {
    X509Files {
        svid: "svid.pem".into(),
        key: "key.pem".into(),
        bundle: "bundle.pem".into(),
        cert_mode: 0o644,
        key_mode: 0o600,
        intermediates_to_bundle: false,
        federated: false,
        omit_expired: false,
        layout: crate::config::Layout::Links,
    }
}

fn now() -> Timestamp {
    "2030-06-01T00:00:00Z".parse().unwrap()
}

/// The certificates of the SVID file and of the bundle file.
fn written(world: &World, files: &X509Files) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let output = X509Output::new(&world.context, files, "", now()).unwrap();
    (
        certificates_from_pem(output.svid.as_bytes()).unwrap(),
        certificates_from_pem(output.bundle.as_bytes()).unwrap(),
    )
}

#[test]
fn the_chain_stays_with_the_leaf_or_moves_behind_the_roots() {
    let world = world(2040, 2040);
    let World {
        root,
        intermediate,
        foreign,
        leaf,
        ..
    } = &world;
    let (leaf, root) = (leaf.der().to_vec(), root.der().to_vec());
    let (intermediate, foreign) = (intermediate.der().to_vec(), foreign.der().to_vec());
    assert_eq!(
        written(&world, &files()),
        (vec![leaf.clone(), intermediate.clone()], vec![root.clone()])
    );
    let moved = X509Files {
        intermediates_to_bundle: true,
        ..files()
    };
    assert_eq!(
        written(&world, &moved),
        (vec![leaf.clone()], vec![root.clone(), intermediate.clone()])
    );
    let all = X509Files {
        federated: true,
        ..moved
    };
    assert_eq!(
        written(&world, &all),
        (vec![leaf], vec![root, intermediate, foreign])
    );
}

#[test]
fn the_key_is_the_leafs_in_pkcs8() {
    let world = world(2040, 2040);
    let output = X509Output::new(&world.context, &files(), "", now()).unwrap();
    let key = String::from_utf8(output.key).unwrap();
    assert!(key.starts_with("-----BEGIN PRIVATE KEY-----\n"), "{key}");
    let key = steeple_spiffe::pem::private_key_from_pem(key.as_bytes()).unwrap();
    let leaf = CertificateInfo::parse(world.leaf.der()).unwrap();
    assert!(same_public_key(&leaf.public_key, key.public_key_der()));
    assert_eq!(output.expires_at, leaf.not_after);
}

#[test]
fn expired_authorities_are_left_out_when_asked_but_never_the_leaf() {
    let world = world(2025, 2025);
    let moved = X509Files {
        intermediates_to_bundle: true,
        ..files()
    };
    assert_eq!(written(&world, &moved).1.len(), 2);
    let omitting = X509Files {
        omit_expired: true,
        ..moved
    };
    let root = world.root.der().to_vec();
    let leaf = world.leaf.der().to_vec();
    assert_eq!(written(&world, &omitting), (vec![leaf.clone()], vec![root]));
    let in_place = X509Files {
        omit_expired: true,
        ..files()
    };
    assert_eq!(written(&world, &in_place).0, vec![leaf]);
}

#[test]
fn a_hint_chooses_and_one_that_nothing_has_is_told() {
    let mut world = world(2040, 2040);
    let mut first = world.context.svids[0].clone();
    let (leaf, key) = leaf(&world.root, "spiffe://example.test/first", 2040);
    first.chain = vec![leaf.der().to_vec()];
    first.key = Arc::new(PrivateKey::from_der(key.serialized_der()).unwrap());
    first.hint = "first".to_owned();
    world.context.svids.insert(0, first);
    let count = |hint| {
        let output = X509Output::new(&world.context, &files(), hint, now());
        output.map(|output| output.svid.matches("BEGIN").count())
    };
    assert_eq!(count("").unwrap(), 1);
    assert_eq!(count("first").unwrap(), 1);
    assert_eq!(count("other").unwrap(), 2);
    let error = count("absent").unwrap_err().to_string();
    assert!(
        error.starts_with("failed to find the hinted x509 SVID"),
        "{error}"
    );
    assert!(error.contains("(hint \"other\")"), "{error}");
}

#[test]
fn an_update_that_does_not_fit_together_is_refused() {
    let mut world = world(2040, 2040);
    assert!(X509Output::new(&world.context, &files(), "", now()).is_ok());
    let right = Arc::clone(&world.context.svids[0].key);
    let other = KeyPair::generate().unwrap();
    world.context.svids[0].key = Arc::new(PrivateKey::from_der(other.serialized_der()).unwrap());
    let error = X509Output::new(&world.context, &files(), "", now())
        .err()
        .unwrap();
    assert!(
        error
            .to_string()
            .contains("does not belong to its certificate"),
        "{error}"
    );
    world.context.svids[0].key = right;
    world
        .context
        .bundles
        .remove(&TrustDomain::parse("example.test").unwrap());
    let error = X509Output::new(&world.context, &files(), "", now())
        .err()
        .unwrap();
    assert_eq!(
        error.to_string(),
        "no bundles found for \"example.test\" trust domain"
    );
}
