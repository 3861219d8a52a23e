//! Which proxy a request goes through: HTTPS_PROXY, HTTP_PROXY and NO_PROXY.

use std::net::IpAddr;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::Endpoint;

/// An HTTP proxy.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Proxy {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// The value of Proxy-Authorization, if the proxy's URL has a user in it.
    pub(crate) authorization: Option<String>,
}

/// The proxy for `endpoint`, if the environment names one.
///
/// # Errors
/// When it names one that is no plain HTTP proxy; says which.
pub(crate) fn find(
    endpoint: &Endpoint,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<Proxy>, String> {
    let set = |names: [&'static str; 2]| {
        let found = names
            .into_iter()
            .find_map(|name| variable(name).map(|value| (name, value)));
        found.filter(|(_, value)| !value.is_empty())
    };
    let names = match endpoint.tls {
        true => ["HTTPS_PROXY", "https_proxy"],
        false => ["HTTP_PROXY", "http_proxy"],
    };
    let Some((name, url)) = set(names) else {
        return Ok(None);
    };
    let except = set(["NO_PROXY", "no_proxy"]).map(|(_, list)| list);
    if is_direct(&endpoint.host, except.as_deref().unwrap_or_default()) {
        return Ok(None);
    }
    match parse(&url) {
        Some(proxy) => Ok(Some(proxy)),
        None => Err(format!(
            "{name} is set to a proxy that is not supported: give http://HOST:PORT"
        )),
    }
}

fn parse(url: &str) -> Option<Proxy> {
    let rest = match url.split_once("://") {
        Some(("http", rest)) => rest,
        Some(_) => return None,
        None => url,
    };
    let (user, rest) = match rest.rsplit_once('@') {
        Some((user, rest)) => (Some(user), rest),
        None => (None, rest),
    };
    let endpoint = Endpoint::parse(&format!("http://{rest}"))?;
    Some(Proxy {
        host: endpoint.host,
        port: endpoint.port,
        authorization: user.map(|user| format!("Basic {}", STANDARD.encode(decode(user)))),
    })
}

fn decode(text: &str) -> Vec<u8> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::new();
    while let Some(byte) = bytes.next() {
        let mut ahead = bytes.clone();
        let pair = [ahead.next(), ahead.next()];
        match (byte, pair) {
            (b'%', [Some(high), Some(low)]) => {
                let digits = [high, low];
                match hex::decode(digits) {
                    Ok(value) => {
                        decoded.extend(value);
                        bytes = ahead;
                    }
                    Err(_) => decoded.push(byte),
                }
            }
            _ => decoded.push(byte),
        }
    }
    decoded
}

/// Loopback is never asked by proxy; nor is what NO_PROXY names: a domain and what is below it, an
/// address, or everything.
fn is_direct(host: &str, except: &str) -> bool {
    let address: Option<IpAddr> = host.parse().ok();
    if host == "localhost" || address.is_some_and(|address| address.is_loopback()) {
        return true;
    }
    except.split(',').map(str::trim).any(|entry| {
        let entry = entry.rsplit_once(':').map_or(entry, |(name, port)| {
            if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.contains(':') {
                name
            } else {
                entry
            }
        });
        let domain = entry.trim_start_matches("*.").trim_start_matches('.');
        let below = || {
            let rest = host.strip_suffix(domain);
            rest.is_some_and(|rest| rest.ends_with('.'))
        };
        entry == "*" || (!domain.is_empty() && (host == domain || below()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(url: &str, set: &[(&str, &str)]) -> Result<Option<String>, String> {
        let endpoint = Endpoint::parse(url).unwrap();
        let lookup = |name: &str| {
            let found = set.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let found = find(&endpoint, &lookup)?;
        Ok(found.map(|proxy| format!("{}:{}", proxy.host, proxy.port)))
    }

    #[test]
    fn the_scheme_chooses_and_no_proxy_excepts() {
        let both = [("HTTPS_PROXY", "http://p:3128"), ("http_proxy", "q:80")];
        assert_eq!(proxy("https://a.b", &both).unwrap().unwrap(), "p:3128");
        assert_eq!(proxy("http://a.b", &both).unwrap().unwrap(), "q:80");
        for host in ["localhost", "127.0.0.1", "[::1]"] {
            assert_eq!(proxy(&format!("http://{host}:9"), &both), Ok(None));
        }
        for (except, direct) in [
            ("b", true),
            (".b", true),
            ("x, *.b", true),
            ("*", true),
            ("a.b:443", true),
            ("c,bb", false),
            ("", false),
        ] {
            let set = [both[0], ("NO_PROXY", except)];
            assert_eq!(
                proxy("https://a.b", &set).unwrap().is_none(),
                direct,
                "{except}"
            );
        }
        proxy("https://a.b", &[("HTTPS_PROXY", "socks5://p:1")]).unwrap_err();
    }

    #[test]
    fn a_user_is_sent_along() {
        let found = parse("http://us%65r:p%40ss@p:1").unwrap();
        let expected = format!("Basic {}", STANDARD.encode("user:p@ss"));
        assert_eq!(found.authorization, Some(expected));
    }
}
