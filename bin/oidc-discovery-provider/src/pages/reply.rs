//! How answers are made.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use serde::Serialize;

/// An answer.
pub(crate) type Reply = Response<Full<Bytes>>;

/// An answer without a body.
pub(crate) fn empty(status: StatusCode) -> Reply {
    let mut reply = Response::new(Full::default());
    *reply.status_mut() = status;
    reply
}

/// An answer that says in plain text why there is no other.
pub(crate) fn refuse(status: StatusCode, why: &str) -> Reply {
    let mut reply = Response::new(Full::new(Bytes::from(format!("{why}\n"))));
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, plain);
    let nosniff = HeaderValue::from_static("nosniff");
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    reply
}

/// An answer with a document that pages of other sites may read.
pub(super) fn document(status: StatusCode, body: Bytes) -> Reply {
    let mut reply = Response::new(Full::new(body));
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    let kind = HeaderValue::from_static("application/json");
    headers.insert(header::CONTENT_TYPE, kind);
    let anyone = HeaderValue::from_static("*");
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, anyone);
    reply
}

/// JSON, indented by two spaces, with the characters escaped that Go escapes.
pub(crate) fn json<T: Serialize>(value: &T) -> Bytes {
    // These types have string keys only, so they always have a JSON form.
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    let text = text.replace('&', "\\u0026");
    Bytes::from(text.replace('<', "\\u003c").replace('>', "\\u003e"))
}
