//! Conditional requests and ranges (RFC 9110, sections 13 and 14), for content that has a time of
//! change and no entity tag.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use jiff::{
    Timestamp,
    fmt::rfc2822::{DateTimeParser, DateTimePrinter},
};

use super::{
    reply::{Reply, document, refuse},
    text,
};

/// The content, or the part of it, or that it has not changed.
pub(super) fn serve(request: &HeaderMap, content: &Bytes, modified: Timestamp) -> Reply {
    let seconds = modified.as_second();
    let mut reply = match precondition(request, seconds) {
        Some(StatusCode::NOT_MODIFIED) => {
            let mut reply = document(StatusCode::NOT_MODIFIED, Bytes::new());
            reply.headers_mut().remove(header::CONTENT_TYPE);
            reply
        }
        Some(status) => document(status, Bytes::new()),
        None => match wanted_range(request, seconds) {
            Some(range) => part(content, range),
            None => document(StatusCode::OK, content.clone()),
        },
    };
    describe(&mut reply, modified);
    reply
}

/// Says when the content changed, and that nobody is to keep a copy of it.
fn describe(reply: &mut Reply, modified: Timestamp) {
    let status = reply.status();
    let headers = reply.headers_mut();
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    headers.insert(header::EXPIRES, HeaderValue::from_static("0"));
    let anyone = HeaderValue::from_static("*");
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, anyone);
    if status == StatusCode::RANGE_NOT_SATISFIABLE {
        return;
    }
    if status.is_success() {
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    }
    if let Some(date) = http_date(modified) {
        headers.insert(header::LAST_MODIFIED, date);
    }
    let never = HeaderValue::from_static("no-cache, no-store, must-revalidate");
    headers.insert(header::CACHE_CONTROL, never);
}

fn http_date(time: Timestamp) -> Option<HeaderValue> {
    let text = DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&time)
        .ok()?;
    HeaderValue::from_str(&text).ok()
}

fn date(headers: &HeaderMap, name: &header::HeaderName) -> Option<i64> {
    let date = text(headers, name.as_str())?;
    let parsed = DateTimeParser::new().parse_timestamp(date).ok()?;
    Some(parsed.as_second())
}

/// The status to answer with instead of the content.
fn precondition(request: &HeaderMap, modified: i64) -> Option<StatusCode> {
    let any = |tags: &str| tags.trim_start_matches([' ', '\t', ',']).starts_with('*');
    let unchanged = match text(request, header::IF_MATCH.as_str()) {
        Some(tags) => any(tags),
        None => date(request, &header::IF_UNMODIFIED_SINCE).is_none_or(|since| modified <= since),
    };
    if !unchanged {
        return Some(StatusCode::PRECONDITION_FAILED);
    }
    let known = match text(request, header::IF_NONE_MATCH.as_str()) {
        Some(tags) => any(tags),
        None => date(request, &header::IF_MODIFIED_SINCE).is_some_and(|since| modified <= since),
    };
    known.then_some(StatusCode::NOT_MODIFIED)
}

/// The `Range` header, if it counts.
fn wanted_range(request: &HeaderMap, modified: i64) -> Option<&str> {
    let range = text(request, header::RANGE.as_str())?;
    match text(request, header::IF_RANGE.as_str()) {
        Some(_) => (date(request, &header::IF_RANGE) == Some(modified)).then_some(range),
        None => Some(range),
    }
}

/// What one range header asks of content of a size.
#[derive(Debug, Eq, PartialEq)]
enum Range {
    /// All of it; also when several parts are asked for, which may be answered so.
    Whole,
    /// From the first byte to before the second.
    Part(usize, usize),
    /// Nothing that is there.
    Beyond,
    /// Not understood.
    Invalid,
}

impl Range {
    fn parse(text: &str, size: usize) -> Self {
        let Some(ranges) = text.strip_prefix("bytes=") else {
            return Self::Invalid;
        };
        if ranges.contains(',') {
            return Self::Whole;
        }
        let Some((first, last)) = ranges.trim().split_once('-') else {
            return Self::Invalid;
        };
        match (number(first), number(last)) {
            (Some(first), _) if first >= size => Self::Beyond,
            (Some(first), None) if last.is_empty() => Self::Part(first, size),
            (Some(first), Some(last)) if first <= last => {
                Self::Part(first, last.saturating_add(1).min(size))
            }
            (None, Some(0)) if first.is_empty() => Self::Beyond,
            (None, Some(last)) if first.is_empty() => Self::Part(size.saturating_sub(last), size),
            _ => Self::Invalid,
        }
    }
}

fn number(text: &str) -> Option<usize> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

fn part(content: &Bytes, range: &str) -> Reply {
    let size = content.len();
    let described = |text: String| HeaderValue::from_str(&text).ok();
    let (mut reply, range) = match Range::parse(range, size) {
        Range::Whole => return document(StatusCode::OK, content.clone()),
        Range::Part(first, end) => (
            document(StatusCode::PARTIAL_CONTENT, content.slice(first..end)),
            described(format!("bytes {first}-{}/{size}", end.saturating_sub(1))),
        ),
        Range::Beyond => (
            refuse(
                StatusCode::RANGE_NOT_SATISFIABLE,
                "invalid range: failed to overlap",
            ),
            described(format!("bytes */{size}")),
        ),
        Range::Invalid => (
            refuse(StatusCode::RANGE_NOT_SATISFIABLE, "invalid range"),
            None,
        ),
    };
    if let Some(range) = range {
        reply.headers_mut().insert(header::CONTENT_RANGE, range);
    }
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODIFIED: &str = "Thu, 01 Jan 1970 00:16:40 GMT";

    fn ask(headers: &[(header::HeaderName, &str)]) -> Reply {
        let mut request = HeaderMap::new();
        for (name, value) in headers {
            request.insert(name, HeaderValue::from_str(value).unwrap());
        }
        let modified = Timestamp::from_millisecond(1_000_900).unwrap();
        serve(&request, &Bytes::from_static(b"0123456789"), modified)
    }

    fn status(name: header::HeaderName, value: &str) -> u16 {
        ask(&[(name, value)]).status().as_u16()
    }

    #[test]
    fn content_comes_with_its_time() {
        let reply = ask(&[]);
        assert_eq!(reply.status(), StatusCode::OK);
        assert_eq!(reply.headers()[header::LAST_MODIFIED], MODIFIED);
        assert_eq!(reply.headers()[header::ACCEPT_RANGES], "bytes");
    }

    #[test]
    fn what_is_known_is_not_sent_again() {
        assert_eq!(status(header::IF_MODIFIED_SINCE, MODIFIED), 304);
        let before = "Thu, 01 Jan 1970 00:16:39 GMT";
        assert_eq!(status(header::IF_MODIFIED_SINCE, before), 200);
        assert_eq!(status(header::IF_MODIFIED_SINCE, "yesterday"), 200);
        assert_eq!(status(header::IF_NONE_MATCH, "*"), 304);
        assert_eq!(status(header::IF_NONE_MATCH, "\"tag\""), 200);
        let reply = ask(&[(header::IF_MODIFIED_SINCE, MODIFIED)]);
        assert!(!reply.headers().contains_key(header::CONTENT_TYPE));
        assert_eq!(reply.headers()[header::LAST_MODIFIED], MODIFIED);
    }

    #[test]
    fn conditions_that_do_not_hold() {
        assert_eq!(status(header::IF_UNMODIFIED_SINCE, MODIFIED), 200);
        let before = "Thu, 01 Jan 1970 00:16:39 GMT";
        assert_eq!(status(header::IF_UNMODIFIED_SINCE, before), 412);
        assert_eq!(status(header::IF_MATCH, "*"), 200);
        assert_eq!(status(header::IF_MATCH, "\"tag\""), 412);
    }

    #[test]
    fn parts() {
        let range = |text| Range::parse(text, 10);
        assert_eq!(range("bytes=0-3"), Range::Part(0, 4));
        assert_eq!(range("bytes=8-"), Range::Part(8, 10));
        assert_eq!(range("bytes=-3"), Range::Part(7, 10));
        assert_eq!(range("bytes=-30"), Range::Part(0, 10));
        assert_eq!(range("bytes=5-99"), Range::Part(5, 10));
        assert_eq!(range("bytes=10-"), Range::Beyond);
        assert_eq!(range("bytes=0-1,4-5"), Range::Whole);
        for text in [
            "lines=1-2",
            "bytes=",
            "bytes=a-",
            "bytes=3-1",
            "bytes=-",
            "bytes=+1-2",
        ] {
            assert_eq!(range(text), Range::Invalid, "{text}");
        }
        let reply = ask(&[(header::RANGE, "bytes=2-4")]);
        assert_eq!(reply.status(), StatusCode::PARTIAL_CONTENT);
        assert_eq!(reply.headers()[header::CONTENT_RANGE], "bytes 2-4/10");
        let reply = ask(&[(header::RANGE, "bytes=20-")]);
        assert_eq!(reply.status(), StatusCode::RANGE_NOT_SATISFIABLE);
        assert_eq!(reply.headers()[header::CONTENT_RANGE], "bytes */10");
        let other_time = [
            (header::RANGE, "bytes=2-4"),
            (header::IF_RANGE, "Thu, 01 Jan 1970 00:16:41 GMT"),
        ];
        assert_eq!(ask(&other_time).status(), StatusCode::OK);
    }
}
