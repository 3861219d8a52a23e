//! What a proxy in front says about the request it passes on.

use http::{HeaderMap, header, request::Parts};

use super::text;

/// The request as the proxy got it.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Original<'r> {
    /// The name it was for; empty if nobody says.
    pub(super) host: &'r str,
    /// `http` or `https`, where the proxy says.
    pub(super) scheme: Option<String>,
}

impl<'r> Original<'r> {
    pub(super) fn of(head: &'r Parts) -> Self {
        let host = text(&head.headers, "x-forwarded-host");
        Self {
            host: host.unwrap_or_else(|| super::host(head)),
            scheme: scheme(&head.headers),
        }
    }
}

fn scheme(headers: &HeaderMap) -> Option<String> {
    let said = ["x-forwarded-proto", "x-forwarded-scheme"]
        .into_iter()
        .find_map(|name| text(headers, name));
    match said {
        Some(scheme) => Some(scheme.to_lowercase()),
        None => in_forwarded(text(headers, header::FORWARDED.as_str())?),
    }
}

/// The first `proto=` of a `Forwarded` header (RFC 7239).
fn in_forwarded(text: &str) -> Option<String> {
    let text = text.to_lowercase();
    let mut values = text.split("proto=").skip(1);
    let known = |value: &str| {
        let mut schemes = ["https", "http"].into_iter();
        schemes.find(|scheme| value.starts_with(scheme))
    };
    values.find_map(known).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn head(headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::get("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn the_proxy_has_the_last_word() {
        let plain = head(&[("host", "inner:8080")]);
        assert_eq!(Original::of(&plain).host, "inner:8080");
        assert_eq!(Original::of(&plain).scheme, None);
        let passed = head(&[
            ("host", "inner"),
            ("x-forwarded-host", "outer"),
            ("x-forwarded-proto", "HTTPS"),
        ]);
        assert_eq!(Original::of(&passed).host, "outer");
        assert_eq!(Original::of(&passed).scheme.as_deref(), Some("https"));
        let empty = head(&[("host", "inner"), ("x-forwarded-host", "")]);
        assert_eq!(Original::of(&empty).host, "inner");
        assert_eq!(Original::of(&head(&[])).host, "");
    }

    #[test]
    fn every_way_to_say_the_scheme() {
        let scheme = |name, value| Original::of(&head(&[(name, value)])).scheme;
        assert_eq!(
            scheme("x-forwarded-scheme", "http").as_deref(),
            Some("http")
        );
        let forwarded = "for=1.2.3.4;Proto=HTTPS;by=5.6.7.8";
        assert_eq!(scheme("forwarded", forwarded).as_deref(), Some("https"));
        assert_eq!(scheme("forwarded", "for=1.2.3.4;proto=gopher"), None);
    }
}
