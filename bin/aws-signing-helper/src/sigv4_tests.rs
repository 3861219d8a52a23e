//! The golden request was put together and signed by another program, with OpenSSL.

use super::*;
use crate::identity::golden;

const QUERY: &[(&str, &str)] = &[
    (
        "trustAnchorArn",
        "arn:aws:rolesanywhere:us-east-1:012345678901:trust-anchor/1",
    ),
    (
        "profileArn",
        "arn:aws:rolesanywhere:us-east-1:012345678901:profile/a b~c",
    ),
    ("roleArn", "arn:aws:iam::012345678901:role/test"),
];

fn sign(now: &str) -> Vec<(&'static str, String)> {
    let unsigned = Unsigned {
        host: "rolesanywhere.us-east-1.amazonaws.com",
        query: QUERY,
        body: br#"{"durationSeconds":3600}"#,
        region: "us-east-1",
        now: now.parse().unwrap(),
    };
    unsigned.sign(&golden()).unwrap()
}

fn header(headers: &[(&str, String)], name: &str) -> String {
    let found = headers.iter().find(|(key, _)| *key == name);
    found.unwrap().1.clone()
}

#[test]
fn the_golden_request() {
    let headers = sign("2026-01-02T03:04:05.678Z");
    assert_eq!(header(&headers, "x-amz-date"), "20260102T030405Z");
    let expected = include_str!("../golden/authorization.txt");
    assert_eq!(header(&headers, "authorization"), expected.trim_end());
}

#[test]
fn another_second_is_another_signature() {
    let one = header(&sign("2026-01-02T03:04:05Z"), "authorization");
    let other = header(&sign("2026-01-02T03:04:06Z"), "authorization");
    assert_ne!(one, other);
}

#[test]
fn a_query_is_sorted_and_escaped() {
    assert_eq!(
        canonical_query(&[("b", "arn:aws/x y"), ("a", "~-_.é")]),
        "a=~-_.%C3%A9&b=arn%3Aaws%2Fx%20y"
    );
}
