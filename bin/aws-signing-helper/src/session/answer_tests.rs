use http::header::{DATE, HeaderName};
use hyper::body::Bytes;

use super::*;

const NOW: &str = "2026-01-02T03:04:05Z";

fn answer(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> Answer {
    let headers = headers
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
    Answer {
        status: StatusCode::from_u16(status).unwrap(),
        headers: headers.collect(),
        body: Bytes::from(body.to_owned()),
    }
}

fn refuse(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> Refused {
    match read(&answer(status, headers, body), NOW.parse().unwrap()) {
        Err(SessionError::Refused(refused)) => refused,
        other => panic!("{other:?}"),
    }
}

fn set(expiration: &str) -> String {
    format!(
        r#"{{"credentialSet":[{{"credentials":{{"accessKeyId":"a","secretAccessKey":"s","sessionToken":"t","expiration":"{expiration}"}}}}],"subjectArn":"x"}}"#
    )
}

#[test]
fn credentials_are_read() {
    let now = NOW.parse().unwrap();
    let read = read(&answer(201, &[], &set("2026-01-02T04:04:05Z")), now).unwrap();
    assert_eq!(read.access_key_id, "a");
    assert_eq!(read.left(now).as_secs(), 3600);
}

#[test]
fn what_holds_no_credentials_is_named() {
    let now = NOW.parse().unwrap();
    let read = |body: &str| super::read(&answer(200, &[], body), now).unwrap_err();
    assert!(matches!(
        read(r#"{"credentialSet":[]}"#),
        SessionError::Empty
    ));
    assert!(matches!(read("{"), SessionError::Broken(_)));
    assert!(matches!(read("{}"), SessionError::Broken(_)));
    assert!(matches!(read(&set("soon")), SessionError::Broken(_)));
    assert!(matches!(read(&set(NOW)), SessionError::Expired(_)));
}

#[test]
fn the_error_is_found_in_header_or_body() {
    let headers = [
        ("x-amzn-errortype", "AccessDeniedException:http://internal/"),
        ("x-amzn-requestid", "r-1"),
    ];
    let refused = refuse(403, &headers, r#"{"message":"Not you"}"#);
    assert_eq!(
        refused.to_string(),
        "the service answered 403 AccessDeniedException: Not you (request id r-1)"
    );
    let refused = refuse(
        400,
        &[],
        r#"{"__type":"x.y#ThrottlingException","Message":"m"}"#,
    );
    assert_eq!(refused.kind, "ThrottlingException");
    assert!(refused.later);
    assert_eq!(
        refuse(502, &[], "<html>").to_string(),
        "the service answered 502"
    );
}

#[test]
fn only_what_may_pass_is_tried_again() {
    for (status, later) in [
        (400, false),
        (403, false),
        (404, false),
        (429, true),
        (500, true),
        (502, true),
        (503, true),
        (504, true),
    ] {
        assert_eq!(refuse(status, &[], "{}").later, later, "{status}");
    }
}

#[test]
fn a_wrong_clock_is_worth_a_word() {
    let right = [(DATE.as_str(), "Fri, 02 Jan 2026 03:03:00 GMT")];
    assert_eq!(refuse(403, &[("date", right[0].1)], "{}").hint, None);
    let late = refuse(403, &[("date", "Fri, 02 Jan 2026 02:04:05 GMT")], "{}");
    let hint = late.hint.unwrap();
    assert_eq!(
        hint,
        "this machine's clock is 3600 s ahead of the service's"
    );
}
