//! What is in the certificates and tokens; read by an independent parser and verifier.

use steeple_spiffe::{
    csr::VerifiedCsr,
    jwt::{LEEWAY, verify},
    keyid,
    x509::{CertificateInfo, NameBuilder, spiffe_id_from_leaf, verify_member},
};
use x509_parser::{extensions::ParsedExtension, prelude::*};

use super::*;
use crate::{AgentX509, DownstreamCa, WorkloadJwt};

fn parse(der: &[u8]) -> X509Certificate<'_> {
    let (rest, certificate) = X509Certificate::from_der(der).unwrap();
    assert!(rest.is_empty());
    certificate
}

fn extensions(certificate: &X509Certificate<'_>) -> Vec<(String, bool)> {
    certificate
        .extensions()
        .iter()
        .map(|e| (e.oid.to_id_string(), e.critical))
        .collect()
}

const KU: &str = "2.5.29.15";
const EKU: &str = "2.5.29.37";
const BC: &str = "2.5.29.19";
const SKI: &str = "2.5.29.14";
const AKI: &str = "2.5.29.35";
const SAN: &str = "2.5.29.17";

fn order(list: &[(&str, bool)]) -> Vec<(String, bool)> {
    list.iter()
        .map(|(oid, critical)| ((*oid).to_owned(), *critical))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn workload_svid_has_spires_profile() {
    let world = World::new();
    let (authority, _rotation) = world.start().await;
    let mut request = request();
    request.dns_names = vec!["db.example".to_owned(), "alias.example".to_owned()];
    let issued = authority.sign_workload_x509(request.clone()).await.unwrap();
    assert_eq!(
        issued.chain.len(),
        1,
        "a self-signed CA is not in the chain"
    );
    let svid = parse(&issued.chain[0]);
    assert_eq!(
        extensions(&svid),
        order(&[
            (KU, true),
            (EKU, false),
            (BC, true),
            (SKI, false),
            (AKI, false),
            (SAN, false)
        ])
    );
    assert_eq!(svid.subject().to_string(), "C=US, O=SPIRE, CN=db.example");
    assert_eq!(
        svid.validity().not_before.timestamp(),
        start().as_second() - 10
    );
    assert_eq!(
        svid.validity().not_after.timestamp(),
        start().as_second() + 3600
    );
    assert_eq!(issued.expires_at, start() + HOUR);
    assert_eq!(issued.serial_decimal, svid.serial.to_string());
    let usage = svid.key_usage().unwrap().unwrap().value;
    assert_eq!(
        usage.flags, 0b1_0101,
        "digitalSignature, keyEncipherment, keyAgreement"
    );
    let usage = svid.extended_key_usage().unwrap().unwrap().value;
    assert_eq!(
        (usage.server_auth, usage.client_auth, usage.any),
        (true, true, false)
    );
    assert!(!svid.basic_constraints().unwrap().unwrap().value.ca);
    let names = &svid
        .subject_alternative_name()
        .unwrap()
        .unwrap()
        .value
        .general_names;
    assert_eq!(
        names.as_slice(),
        [
            GeneralName::DNSName("db.example"),
            GeneralName::DNSName("alias.example"),
            GeneralName::URI("spiffe://example.org/workload"),
        ]
    );
    let info = CertificateInfo::parse(&issued.chain[0]).unwrap();
    let ski = keyid::subject_key_id(&request.public_key).unwrap();
    assert_eq!(info.subject_key_id.as_deref(), Some(&ski[..]));
    assert_eq!(info.issuer_authority_id(), active(&authority));
    let bundle = world.bundle().await;
    let peer = verify_member(&issued.chain, &bundle, start()).unwrap();
    assert_eq!(peer.id, request.spiffe_id);
    assert_eq!(peer.serial_decimal, issued.serial_decimal);
    let root = parse(&bundle.x509_authorities[0].der);
    svid.verify_signature(Some(root.public_key())).unwrap();
    assert_eq!(svid.issuer().as_raw(), root.subject().as_raw());
}

#[tokio::test(start_paused = true)]
async fn ca_has_spires_profile_for_every_key_type() {
    for key_type in [KeyType::EcP256, KeyType::EcP384, KeyType::Rsa2048] {
        let mut world = World::new();
        world.config.ca_key_type = key_type;
        let (authority, _rotation) = world.start().await;
        let bundle = world.bundle().await;
        let ca = parse(&bundle.x509_authorities[0].der);
        assert_eq!(
            extensions(&ca),
            order(&[(KU, true), (BC, true), (SKI, false), (SAN, false)])
        );
        let serial = ca.serial.to_string();
        assert_eq!(
            ca.subject().to_string(),
            format!("C=US, O=SPIFFE, serialNumber={serial}")
        );
        assert_eq!(ca.issuer().as_raw(), ca.subject().as_raw());
        assert_eq!(ca.key_usage().unwrap().unwrap().value.flags, 0b110_0000);
        let constraints = ca.basic_constraints().unwrap().unwrap();
        assert_eq!(
            (constraints.value.ca, constraints.value.path_len_constraint),
            (true, None)
        );
        assert_eq!(
            ca.validity().not_before.timestamp(),
            start().as_second() - 10
        );
        assert_eq!(
            ca.validity().not_after.timestamp(),
            start().as_second() + 24 * 3600
        );
        ca.verify_signature(None).unwrap();
        let san = ca.subject_alternative_name().unwrap().unwrap();
        assert_eq!(
            san.value.general_names,
            [GeneralName::URI("spiffe://example.org")]
        );
        let expected = match key_type {
            KeyType::EcP256 => "1.2.840.10045.4.3.2",
            KeyType::EcP384 => "1.2.840.10045.4.3.3",
            KeyType::Rsa2048 | KeyType::Rsa4096 => "1.2.840.113549.1.1.11",
        };
        assert_eq!(ca.signature_algorithm.algorithm.to_id_string(), expected);
        let issued = issue(&authority).await;
        verify_member(&issued.chain, &bundle, start()).unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn agents_and_the_server_get_their_own_profile() {
    let mut world = World::new();
    world.config.agent_ttl = 2 * HOUR;
    let (authority, _rotation) = world.start().await;
    let agent = trust_domain()
        .member("/spire/agent/join_token/abc")
        .unwrap();
    let public_key = request().public_key;
    let issued = authority
        .sign_agent_x509(AgentX509 {
            public_key,
            spiffe_id: agent.clone(),
        })
        .await
        .unwrap();
    assert_eq!(spiffe_id_from_leaf(&issued.chain[0]).unwrap(), agent);
    assert_eq!(issued.expires_at, start() + 2 * HOUR);
    let svid = authority.server_svid().borrow().clone().unwrap();
    let bundle = world.bundle().await;
    let peer = verify_member(&svid.chain, &bundle, start()).unwrap();
    assert_eq!(peer.id, trust_domain().server_id());
    assert_eq!(svid.expires_at, start() + HOUR);
    assert_eq!(
        CertificateInfo::parse(&svid.chain[0]).unwrap().public_key,
        svid.key.public_key_der()
    );
}

#[tokio::test(start_paused = true)]
async fn lifetimes_are_capped_by_the_ca() {
    let world = World::new();
    let (authority, _rotation) = world.start().await;
    let mut request = request();
    request.ttl = Some(1000 * HOUR);
    let issued = authority.sign_workload_x509(request.clone()).await.unwrap();
    assert_eq!(issued.expires_at, start() + 24 * HOUR);
    request.ttl = Some(Duration::ZERO);
    let issued = authority.sign_workload_x509(request.clone()).await.unwrap();
    assert_eq!(issued.expires_at, start() + HOUR, "zero is unset");
    tokio::time::advance(25 * HOUR).await;
    let error = authority.sign_workload_x509(request).await.unwrap_err();
    assert!(matches!(error, AuthorityError::Expired { .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn foreign_ids_and_bad_names_are_refused() {
    let world = World::new();
    let (authority, _rotation) = world.start().await;
    let mut foreign = request();
    foreign.spiffe_id = TrustDomain::parse("other.org")
        .unwrap()
        .member("/x")
        .unwrap();
    let error = authority
        .prepare_workload_x509(foreign)
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "invalid X509-SVID ID: \"spiffe://other.org/x\" is not a member of trust domain \"example.org\""
    );
    let mut root = request();
    root.spiffe_id = trust_domain().id();
    let error = authority
        .prepare_workload_x509(root)
        .unwrap_err()
        .to_string();
    assert!(error.ends_with("; path is empty"), "{error}");
    let mut name = request();
    name.dns_names = vec!["ümlaut.example".to_owned()];
    authority.prepare_workload_x509(name).unwrap_err();
    let mut key = request();
    key.public_key = b"not a key".to_vec();
    authority.prepare_workload_x509(key).unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn a_given_subject_is_kept_with_the_first_dns_name() {
    let world = World::new();
    let (authority, _rotation) = world.start().await;
    let mut request = request();
    request.subject = Some(NameBuilder {
        country: vec!["DE".to_owned(), "AT".to_owned()],
        common_name: "ignored".to_owned(),
        ..NameBuilder::default()
    });
    request.dns_names = vec!["a.example".to_owned()];
    let issued = authority.sign_workload_x509(request).await.unwrap();
    let svid = parse(&issued.chain[0]);
    assert_eq!(
        svid.subject().to_string(),
        "C=AT + C=DE, CN=a.example",
        "one RDN, sorted as DER is"
    );
}

#[tokio::test(start_paused = true)]
async fn a_downstream_ca_is_named_after_its_parent() {
    let world = World::new();
    let (authority, _rotation) = world.start().await;
    let key = PrivateKey::generate(KeyType::EcP256).unwrap();
    let public_key = key.public_key_der().to_vec();
    let issued = authority
        .sign_downstream_ca(DownstreamCa {
            public_key,
            ttl: Some(HOUR),
        })
        .await
        .unwrap();
    let ca = parse(&issued.chain[0]);
    let bundle = world.bundle().await;
    let parent = parse(&bundle.x509_authorities[0].der);
    assert_eq!(
        extensions(&ca),
        order(&[
            (KU, true),
            (BC, true),
            (SKI, false),
            (AKI, false),
            (SAN, false)
        ])
    );
    let serial = parent.serial.to_string();
    assert_eq!(
        ca.subject().to_string(),
        format!("C=US, O=SPIFFE, OU=DOWNSTREAM-1, serialNumber={serial}")
    );
    assert!(ca.is_ca());
    ca.verify_signature(Some(parent.public_key())).unwrap();
    assert!(ca.extensions().iter().any(|e| matches!(
        e.parsed_extension(),
        ParsedExtension::AuthorityKeyIdentifier(_)
    )));
}

#[tokio::test(start_paused = true)]
async fn serials_and_keys_are_never_the_same() {
    let world = World::new();
    let (authority, _rotation) = world.start().await;
    let (one, two) = (issue(&authority).await, issue(&authority).await);
    assert_ne!(one.serial_decimal, two.serial_decimal);
}

#[tokio::test(start_paused = true)]
async fn tokens_have_spires_claims() {
    for key_type in [KeyType::EcP256, KeyType::EcP384, KeyType::Rsa2048] {
        let mut world = World::new();
        world.config.jwt_key_type = key_type;
        world.config.jwt_issuer = Some("https://issuer.example".to_owned());
        let (authority, _rotation) = world.start().await;
        let id = trust_domain().member("/workload").unwrap();
        let request = WorkloadJwt {
            spiffe_id: id.clone(),
            audience: vec!["one".to_owned(), String::new()],
            ttl: None,
            include_jti: true,
        };
        let issued = authority.sign_workload_jwt(request).await.unwrap();
        assert_eq!(issued.expires_at, start() + Duration::from_secs(300));
        let bundle = world.bundle().await;
        let audience = ["one".to_owned()];
        let keys = |_: &TrustDomain| Some(&bundle.jwt_authorities[..]);
        let svid = verify(&issued.token, keys, &audience, start(), LEEWAY).unwrap();
        assert_eq!(svid.id, id);
        let mut names: Vec<&str> = svid.claims.all.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["aud", "exp", "iat", "iss", "jti", "sub"]);
        assert_eq!(svid.claims.all["aud"], serde_json_array(&["one"]));
        assert_eq!(svid.claims.all["jti"].as_str().unwrap().len(), 22);
        let kid = &bundle.jwt_authorities[0].key_id;
        assert!(
            kid.len() == 32 && kid.bytes().all(|b| b.is_ascii_alphanumeric()),
            "{kid}"
        );
    }
}

fn serde_json_array(items: &[&str]) -> steeple_spiffe::jwt::Value {
    items.iter().map(|item| (*item).to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn tokens_are_capped_and_need_an_audience() {
    let world = World::new();
    let (authority, _rotation) = world.start().await;
    let mut request = WorkloadJwt {
        spiffe_id: trust_domain().member("/workload").unwrap(),
        audience: vec!["one".to_owned()],
        ttl: Some(1000 * HOUR),
        include_jti: false,
    };
    let issued = authority.sign_workload_jwt(request.clone()).await.unwrap();
    assert_eq!(issued.expires_at, start() + 24 * HOUR);
    request.audience = vec![String::new()];
    let error = authority
        .prepare_workload_jwt(request)
        .unwrap_err()
        .to_string();
    assert_eq!(error, "invalid JWT-SVID audience: cannot be empty");
}

#[test]
fn a_csr_of_ours_reads_back() {
    let key = PrivateKey::generate(KeyType::EcP256).unwrap();
    let csr = steeple_spiffe::csr::build_csr(&key, &["spiffe://a/b".to_owned()], &[]).unwrap();
    assert_eq!(
        VerifiedCsr::parse(&csr).unwrap().public_key(),
        key.public_key_der()
    );
}
