use http::{Request, header};
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use steeple_spiffe::key::KeyType;

use super::*;
use crate::{
    config::Url,
    keys::{Board, tests::authority},
};

const DISCOVERY: &str = "/.well-known/openid-configuration";

fn config() -> SiteConfig {
    let mut config = SiteConfig::default();
    config.domains.add("oidc.test").unwrap();
    config
}

fn site(config: SiteConfig) -> (Board, Site) {
    let (board, keys) = Board::new(config.set_key_use);
    (board, Site::new(config, keys, false))
}

fn url(text: &str) -> Option<Url> {
    Some(Url::parse("jwt_issuer", text).unwrap())
}

struct Asked {
    status: u16,
    headers: http::HeaderMap,
    body: String,
}

/// A GET, or what the first word says.
fn ask(site: &Site, path: &str, headers: &[(&str, &str)], secure: bool) -> Asked {
    let (method, path) = path.split_once(' ').unwrap_or(("GET", path));
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (head, ()) = request.body(()).unwrap().into_parts();
    let peer = Peer {
        address: "127.0.0.1:1".to_owned(),
        secure,
    };
    let reply = site.answer(&head, &peer);
    let (parts, body) = reply.into_parts();
    let body = collected(body.collect());
    Asked {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body,
    }
}

/// The body is there already: nothing waits.
fn collected<E: std::fmt::Debug>(
    body: impl Future<Output = Result<http_body_util::Collected<bytes::Bytes>, E>>,
) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let bytes = runtime.block_on(body).unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Issuer and `jwks_uri`.
fn names(site: &Site, headers: &[(&str, &str)], secure: bool) -> (String, String) {
    let path = site.discovery_path.clone();
    let asked = ask(site, &path, headers, secure);
    assert_eq!(asked.status, 200, "{}", asked.body);
    let document: serde_json::Value = serde_json::from_str(&asked.body).unwrap();
    let member = |name: &str| document[name].as_str().unwrap().to_owned();
    (member("issuer"), member("jwks_uri"))
}

#[test]
fn the_document_is_the_one_that_spire_serves() {
    let (_board, site) = site(config());
    let asked = ask(&site, DISCOVERY, &[("host", "oidc.test")], false);
    assert_eq!(asked.status, 200);
    assert_eq!(asked.headers[header::CONTENT_TYPE], "application/json");
    assert_eq!(asked.headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    let expected = r#"{
  "issuer": "https://oidc.test",
  "jwks_uri": "https://oidc.test/keys",
  "authorization_endpoint": "",
  "response_types_supported": [
    "id_token"
  ],
  "subject_types_supported": [
    "public"
  ],
  "id_token_signing_alg_values_supported": [
    "RS256",
    "ES256",
    "ES384"
  ]
}"#;
    assert_eq!(asked.body, expected);
}

#[test]
fn urls_are_those_the_client_asked_by() {
    let (_board, site) = site(config());
    let of = |headers: &[(&str, &str)]| names(&site, headers, false).0;
    assert_eq!(of(&[("host", "oidc.test:8443")]), "https://oidc.test:8443");
    let proxied = [("host", "inner"), ("x-forwarded-host", "oidc.test")];
    assert_eq!(of(&proxied), "https://oidc.test");
    let plain = [("host", "oidc.test"), ("x-forwarded-proto", "http")];
    assert_eq!(of(&plain), "https://oidc.test", "unless it is allowed");
}

#[test]
fn http_urls_only_where_allowed_and_true() {
    let (_board, site) = site(SiteConfig {
        allow_insecure_scheme: true,
        ..config()
    });
    let host = ("host", "oidc.test");
    let of = |headers: &[(&str, &str)], secure| names(&site, headers, secure).0;
    assert_eq!(of(&[host], false), "http://oidc.test");
    assert_eq!(of(&[host], true), "https://oidc.test");
    let proxied = [host, ("x-forwarded-proto", "https")];
    assert_eq!(of(&proxied, false), "https://oidc.test");
}

#[test]
fn a_prefix_moves_both_pages() {
    let (board, site) = site(SiteConfig {
        path_prefix: "/a/b".to_owned(),
        ..config()
    });
    board.post(vec![authority("k", KeyType::EcP256)], Timestamp::UNIX_EPOCH);
    let (issuer, jwks_uri) = names(&site, &[("host", "oidc.test")], true);
    assert_eq!(issuer, "https://oidc.test/a/b");
    assert_eq!(jwks_uri, "https://oidc.test/a/b/keys");
    assert_eq!(ask(&site, "/a/b/keys", &[], true).status, 200);
    assert_eq!(ask(&site, "/keys", &[], true).status, 404);
}

#[test]
fn issuer_and_keys_can_be_told() {
    let mut told = SiteConfig {
        jwt_issuer: url("https://public.test/issuer"),
        ..config()
    };
    let host = [("host", "oidc.test")];
    let (_board, old) = site(told.clone());
    let (issuer, jwks_uri) = names(&old, &host, true);
    assert_eq!(issuer, "https://public.test/issuer");
    assert_eq!(jwks_uri, "https://public.test/issuer/keys");
    told.jwks_uri = url("https://keys.test/k?a=1&b=2");
    let (_board, site) = site(told);
    assert_eq!(names(&site, &host, true).1, "https://keys.test/k?a=1&b=2");
    let body = ask(&site, DISCOVERY, &host, true).body;
    assert!(body.contains("/k?a=1\\u0026b=2"), "as Go writes it: {body}");
}

#[test]
fn other_hosts_get_no_document_but_anyone_gets_the_keys() {
    let (board, site) = site(config());
    board.post(vec![authority("k", KeyType::EcP256)], Timestamp::UNIX_EPOCH);
    let asked = ask(&site, DISCOVERY, &[("host", "other.test")], true);
    assert_eq!(asked.status, 400);
    assert_eq!(asked.body, "domain \"other.test\" is not allowed\n");
    assert_eq!(
        asked.headers[header::CONTENT_TYPE],
        "text/plain; charset=utf-8"
    );
    assert_eq!(asked.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    let asked = ask(&site, DISCOVERY, &[("host", "OIDC.test")], true);
    assert!(asked.body.contains("must already be punycode encoded"));
    assert_eq!(ask(&site, DISCOVERY, &[], true).status, 400);
    let forged = [("host", "oidc.test"), ("x-forwarded-host", "evil.test")];
    assert_eq!(ask(&site, DISCOVERY, &forged, true).status, 400);
    assert_eq!(
        ask(&site, "/keys", &[("host", "other.test")], true).status,
        200
    );
}

#[test]
fn keys_from_the_first_answer_on() {
    let (board, site) = site(config());
    let asked = ask(&site, "/keys", &[], true);
    assert_eq!(
        (asked.status, asked.body.as_str()),
        (500, "document not available\n")
    );
    board.post(Vec::new(), Timestamp::UNIX_EPOCH);
    let asked = ask(&site, "/keys", &[], true);
    assert_eq!(asked.status, 501);
    assert_eq!(asked.body, "jwt not supported/enabled in this service\n");
    board.post(vec![authority("k", KeyType::EcP256)], Timestamp::UNIX_EPOCH);
    let asked = ask(&site, "/keys", &[], true);
    assert_eq!(asked.status, 200);
    let header = |name| asked.headers[name].to_str().unwrap();
    assert_eq!(
        header(header::CACHE_CONTROL),
        "no-cache, no-store, must-revalidate"
    );
    assert_eq!(header(header::PRAGMA), "no-cache");
    assert_eq!(header(header::EXPIRES), "0");
    assert_eq!(header(header::CONTENT_TYPE), "application/json");
    assert_eq!(header(header::ACCESS_CONTROL_ALLOW_ORIGIN), "*");
    assert_eq!(
        header(header::LAST_MODIFIED),
        "Thu, 01 Jan 1970 00:00:00 GMT"
    );
    let known = [("if-modified-since", "Thu, 01 Jan 1970 00:00:00 GMT")];
    assert_eq!(ask(&site, "/keys", &known, true).status, 304);
}

#[test]
fn other_methods_and_paths() {
    let (_board, site) = site(config());
    for path in [DISCOVERY, "/keys"] {
        for method in ["HEAD", "POST", "OPTIONS"] {
            let asked = ask(&site, &format!("{method} {path}"), &[], true);
            assert_eq!(
                (asked.status, asked.body.as_str()),
                (405, "method not allowed\n")
            );
        }
    }
    let asked = ask(&site, "/", &[], true);
    assert_eq!(
        (asked.status, asked.body.as_str()),
        (404, "404 page not found\n")
    );
}
