//! `trust_bundle_url`.

/// Whether the bundle can be asked for there: by `https`, or by `http` over a Unix socket.
pub(super) fn check(url: &str, over_socket: bool) -> Result<(), String> {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let scheme = scheme.to_lowercase();
    if over_socket {
        if scheme != "http" {
            let why = "trust bundle URL must start with http:// when used with trust bundle \
                       unix socket";
            return Err(format!("{why}: {url:?}"));
        }
        return check_query(rest);
    }
    if scheme != "https" {
        return Err(format!(
            "trust bundle URL must start with https://: {url:?}"
        ));
    }
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.is_empty() || rest.contains(char::is_whitespace) {
        return Err(format!(
            "unable to parse trust bundle URL: {url:?} names no host"
        ));
    }
    Ok(())
}

/// The agent adds parameters of its own, with these prefixes.
fn check_query(rest: &str) -> Result<(), String> {
    let query = rest.split('#').next().unwrap_or_default();
    let query = query.split_once('?').map_or("", |(_, query)| query);
    for prefix in ["spiffe-", "spire-"] {
        if query
            .split('&')
            .any(|parameter| parameter.starts_with(prefix))
        {
            return Err(format!(
                "trust_bundle_url query params can not start with {prefix}"
            ));
        }
    }
    Ok(())
}
