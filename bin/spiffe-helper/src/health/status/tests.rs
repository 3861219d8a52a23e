use serde_json::{Value, json};
use steeple_workload::Address;

use super::*;
use crate::config::{JwtBundleFile, JwtBundleFormat, JwtSvidFile, Layout, X509Files};

fn config(x509: bool) -> Config {
    let files = X509Files {
        svid: "c/svid.pem".into(),
        key: "c/key.pem".into(),
        bundle: "c/bundle.pem".into(),
        cert_mode: 0o644,
        key_mode: 0o600,
        intermediates_to_bundle: false,
        federated: false,
        omit_expired: false,
        layout: Layout::Links,
    };
    Config {
        address: Address::Unix("a.sock".into()),
        hint: String::new(),
        daemon: true,
        one_shot_timeout: None,
        x509: x509.then_some(files),
        jwt_bundle: Some(JwtBundleFile {
            path: "c/jwt.json".into(),
            mode: 0o600,
            format: JwtBundleFormat::Base64,
        }),
        jwt_svids: vec![JwtSvidFile {
            path: "c/token".into(),
            mode: 0o600,
            audience: vec!["a".to_owned()],
        }],
        cmd: None,
        pid_file: None,
        renew_signal: None,
        health: None,
    }
}

fn now() -> Timestamp {
    "2030-01-01T00:00:00Z".parse().unwrap()
}

fn later() -> Option<Timestamp> {
    "2030-01-01T01:00:00Z".parse().ok()
}

fn jwt(path: &str) -> Tracked {
    Tracked::jwt(Path::new(path))
}

fn statuses(page: &str) -> Value {
    let page: Value = serde_json::from_str(page).unwrap();
    page["health"]["file_write_statuses"].clone()
}

#[test]
fn ready_when_everything_is_written_and_live_until_something_cannot_be() {
    let status = Status::new(&config(true));
    let (live, page) = status.live(now());
    assert!(live);
    assert_eq!(
        statuses(&page),
        json!({"x509_write_status": "unwritten", "jwt_write_status": {"c/jwt.json": "unwritten", "c/token": "unwritten"}})
    );
    assert!(page.starts_with(
        r#"{"status":"OK","health":{"file_write_statuses":{"x509_write_status":"unwritten","#
    ));
    let (ready, page) = status.ready(now());
    assert!(!ready);
    assert!(
        page.starts_with(r#"{"status":"Service Unavailable","#),
        "{page}"
    );

    status.written(&Tracked::X509, later());
    status.written(&jwt("c/jwt.json"), None);
    assert!(!status.ready(now()).0);
    status.written(&jwt("c/token"), later());
    assert!(status.ready(now()).0);
    assert!(status.live(now()).0);

    status.failed(&Tracked::X509, "disk full");
    assert_eq!(
        (status.live(now()).0, status.ready(now()).0),
        (false, false)
    );
    assert!(status.live(now()).1.contains("disk full"));
    status.written(&Tracked::X509, later());
    assert_eq!((status.live(now()).0, status.ready(now()).0), (true, true));
}

#[test]
fn what_has_expired_is_not_ready_but_live() {
    let status = Status::new(&config(true));
    status.written(&Tracked::X509, later());
    status.written(&jwt("c/jwt.json"), None);
    status.written(&jwt("c/token"), later());
    assert!(status.ready(now()).0);
    let then = later().unwrap();
    let (ready, page) = status.ready(then);
    assert!(!ready);
    let page: Value = serde_json::from_str(&page).unwrap();
    assert_eq!(
        page["health"]["files"]["x509"],
        json!({"expires_at": "2030-01-01T01:00:00Z", "stale": true})
    );
    assert_eq!(
        page["health"]["files"]["c/jwt.json"],
        json!({"stale": false})
    );
    assert!(status.live(then).0);
}

#[test]
fn a_failure_to_fetch_is_shown_and_takes_nothing_back() {
    let status = Status::new(&config(false));
    status.unfetched(&jwt("c/token"), "agent is away");
    let (_, page) = status.ready(now());
    let page: Value = serde_json::from_str(&page).unwrap();
    assert_eq!(page["health"]["files"]["c/token"]["error"], "agent is away");
    assert!(
        page["health"]["file_write_statuses"]
            .get("x509_write_status")
            .is_none()
    );
    status.written(&jwt("c/jwt.json"), None);
    status.written(&jwt("c/token"), later());
    status.unfetched(&jwt("c/token"), "agent is away");
    assert!(status.ready(now()).0);
}
