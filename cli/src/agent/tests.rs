//! Whole commands against a Workload API that answers by script.

use std::collections::HashMap;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType,
};
use steeple_proto::workload::{
    JwtBundlesRequest, JwtBundlesResponse, Jwtsvid, JwtsvidRequest, JwtsvidResponse,
    ValidateJwtsvidRequest, ValidateJwtsvidResponse, X509svid, X509svidRequest, X509svidResponse,
};

use super::{RunFlags, Runtime, program};
use crate::testing::{Fake, Script, capture};

const X509: &str = "/SpiffeWorkloadAPI/FetchX509SVID";
const JWT: &str = "/SpiffeWorkloadAPI/FetchJWTSVID";
const JWT_BUNDLES: &str = "/SpiffeWorkloadAPI/FetchJWTBundles";
const VALIDATE: &str = "/SpiffeWorkloadAPI/ValidateJWTSVID";
const ID: &str = "spiffe://example.org/web";

#[derive(Clone)]
struct NoAgent;

impl Runtime for NoAgent {
    fn run(&self, flags: RunFlags) -> Result<(), String> {
        Err(format!("run with {}", flags.config))
    }

    fn validate(&self, _flags: RunFlags) -> Result<(), String> {
        Ok(())
    }
}

fn run(fake: &Fake, line: &str) -> (u8, String, String) {
    let mut args: Vec<String> = line.split_whitespace().map(ToOwned::to_owned).collect();
    args.push(format!("-socketPath={}", fake.socket().display()));
    capture(|env| program("1", NoAgent).run(&args, env))
}

/// A root and its issuer.
fn root() -> (Certificate, Issuer<'static, KeyPair>) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.subject_alt_names = vec![SanType::URI("spiffe://example.org".try_into().unwrap())];
    params.not_before = rcgen::date_time_ymd(2020, 1, 2);
    params.not_after = rcgen::date_time_ymd(2040, 1, 2);
    let key = KeyPair::generate().unwrap();
    (params.self_signed(&key).unwrap(), Issuer::new(params, key))
}

fn answer(bundle: &Certificate, issuer: &Issuer<'_, KeyPair>) -> X509svidResponse {
    let mut params = CertificateParams::default();
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.subject_alt_names = vec![SanType::URI(ID.try_into().unwrap())];
    params.not_before = rcgen::date_time_ymd(2021, 1, 2);
    params.not_after = rcgen::date_time_ymd(2039, 1, 2);
    let key = KeyPair::generate().unwrap();
    let leaf = params.signed_by(&key, issuer).unwrap();
    let federated = (
        "spiffe://other.org".to_owned(),
        bundle.der().to_vec().into(),
    );
    X509svidResponse {
        svids: vec![X509svid {
            spiffe_id: ID.into(),
            x509_svid: leaf.der().to_vec().into(),
            x509_svid_key: key.serialize_der().into(),
            bundle: bundle.der().to_vec().into(),
            hint: "outer".into(),
        }],
        crl: Vec::new(),
        federated_bundles: HashMap::from([federated]),
    }
}

fn workload_api(answer: X509svidResponse) -> Fake {
    Script::default()
        .on(X509, move |_: X509svidRequest| Ok(answer.clone()))
        .listen()
}

#[test]
fn an_svid_is_shown_and_written() {
    let (root, issuer) = root();
    let fake = workload_api(answer(&root, &issuer));
    let folder = fake.path().join("./out/");
    std::fs::create_dir(&folder).unwrap();
    let line = format!("api fetch x509 -write {}", folder.display());
    let (code, stdout, stderr) = run(&fake, &line);
    assert_eq!((code, stderr.as_str()), (0, ""));
    let (first, rest) = stdout.split_once('\n').unwrap();
    assert!(
        first.starts_with("Received 1 svid after ") && first.ends_with('s'),
        "{first}"
    );
    let out = fake.path().join("out");
    let out = out.display();
    let expected = format!(
        "\nSPIFFE ID:\t\tspiffe://example.org/web\nHint:\t\t\touter\n\
         SVID Valid After:\t2021-01-02 00:00:00 +0000 UTC\n\
         SVID Valid Until:\t2039-01-02 00:00:00 +0000 UTC\n\
         CA #1 Valid After:\t2020-01-02 00:00:00 +0000 UTC\n\
         CA #1 Valid Until:\t2040-01-02 00:00:00 +0000 UTC\n\
         [spiffe://other.org] CA #1 Valid After:\t2020-01-02 00:00:00 +0000 UTC\n\
         [spiffe://other.org] CA #1 Valid Until:\t2040-01-02 00:00:00 +0000 UTC\n\n\
         Writing SVID #0 to file {out}/svid.0.pem.\n\
         Writing key #0 to file {out}/svid.0.key.\n\
         Writing bundle #0 to file {out}/bundle.0.pem.\n\
         Writing federated bundle #0 for trust domain spiffe://other.org to file {out}/federated_bundle.0.0.pem.\n"
    );
    assert_eq!(rest, expected);
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    assert!(read("svid.0.pem").starts_with("-----BEGIN CERTIFICATE-----\n"));
    assert!(read("svid.0.key").starts_with("-----BEGIN PRIVATE KEY-----\n"));
    assert_eq!(read("bundle.0.pem"), read("federated_bundle.0.0.pem"));
}

#[test]
fn silence_and_json() {
    let (root, issuer) = root();
    let fake = workload_api(answer(&root, &issuer));
    assert_eq!(
        run(&fake, "api fetch -silent"),
        (0, String::new(), String::new())
    );
    let (code, stdout, _) = run(&fake, "api fetch -output json");
    let head = "{\"crl\":[],\"federated_bundles\":{\"spiffe://other.org\":\"";
    assert!(code == 0 && stdout.starts_with(head), "{stdout}");
}

#[test]
fn an_svid_that_does_not_lead_to_its_bundle_is_not_shown() {
    let ((_, issuer), (foreign, _)) = (root(), root());
    let fake = workload_api(answer(&foreign, &issuer));
    let (code, stdout, stderr) = run(&fake, "api fetch");
    assert_eq!((code, stdout.as_str()), (1, ""));
    let head = "\"spiffe://example.org/web\" SVID failed verification against bundle: ";
    assert!(stderr.starts_with(head), "{stderr}");
}

#[test]
fn a_refusal_is_printed_bare() {
    let refused = |_: X509svidRequest| Err::<X509svidResponse, _>((7, "no identity issued"));
    let fake = Script::default().on(X509, refused).listen();
    let expected = "rpc error: code = PermissionDenied desc = no identity issued\n";
    assert_eq!(
        run(&fake, "api fetch x509"),
        (1, String::new(), expected.into())
    );
}

#[test]
fn a_token_is_fetched_for_every_audience_and_validated() {
    let fake = Script::default()
        .on(JWT_BUNDLES, |_: JwtBundlesRequest| {
            Ok(JwtBundlesResponse {
                bundles: [("spiffe://example.org".into(), "{}".into())].into(),
            })
        })
        .on(JWT, |_: JwtsvidRequest| {
            let svid = Jwtsvid {
                spiffe_id: ID.into(),
                svid: "x.y.z".into(),
                hint: String::new(),
            };
            Ok(JwtsvidResponse { svids: vec![svid] })
        })
        .on(VALIDATE, |request: ValidateJwtsvidRequest| {
            match request.svid.as_str() {
                "x.y.z" => Ok(ValidateJwtsvidResponse {
                    spiffe_id: ID.into(),
                    claims: None,
                }),
                _ => Err((3, "token has expired")),
            }
        })
        .listen();
    let expected =
        "token(spiffe://example.org/web):\n\tx.y.z\nbundle(spiffe://example.org):\n\t{}\n";
    let fetched = run(
        &fake,
        &format!("api fetch jwt -audience a,b -spiffeID {ID}"),
    );
    assert_eq!(fetched, (0, expected.into(), String::new()));
    let sent = fake.request::<JwtsvidRequest>(JWT);
    assert_eq!(
        (sent.audience, sent.spiffe_id.as_str()),
        (vec!["a".to_owned(), "b".to_owned()], ID)
    );

    let valid = "SVID is valid.\nSPIFFE ID : spiffe://example.org/web\nClaims    : {}\n";
    let line = "api validate jwt -audience a -svid";
    assert_eq!(
        run(&fake, &format!("{line} x.y.z")),
        (0, valid.into(), String::new())
    );
    let invalid = "SVID is not valid: token has expired\n";
    assert_eq!(
        run(&fake, &format!("{line} old")),
        (1, String::new(), invalid.into())
    );
    for line in ["api fetch jwt", "api validate jwt -svid x"] {
        assert_eq!(
            run(&fake, line),
            (1, String::new(), "audience must be specified\n".into())
        );
    }
}

#[test]
fn an_agent_that_is_not_there_is_told_with_its_socket() {
    let fake = Script::default().listen();
    std::fs::remove_file(fake.socket()).unwrap();
    let (code, _, stderr) = run(&fake, "api fetch");
    assert_eq!(code, 1);
    assert!(
        stderr.contains(&fake.socket().display().to_string()),
        "{stderr}"
    );
    let expected = "Agent is unhealthy: unable to determine health\n";
    assert_eq!(
        run(&fake, "healthcheck"),
        (1, String::new(), expected.into())
    );
}
