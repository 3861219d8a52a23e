//! The URLs that a configuration may name.

use http::Uri;

/// Why a text is no URL for the discovery document.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum UrlError {
    /// Not a URL.
    #[error("the {key} url could not be parsed: {text:?}: {why}")]
    Syntax {
        /// The setting.
        key: &'static str,
        /// As written.
        text: String,
        /// What is wrong.
        why: String,
    },
    /// Without `https:`.
    #[error("the {0} url must contain a scheme; write https://...")]
    NoScheme(&'static str),
    /// Without a host.
    #[error("the {0} url must contain a host")]
    NoHost(&'static str),
}

/// A URL as it was written, which is how it is shown.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Url {
    text: String,
    origin: String,
    path: String,
}

impl Url {
    /// Reads the value of the setting `key`.
    pub(crate) fn parse(key: &'static str, text: &str) -> Result<Self, UrlError> {
        let Some((scheme, rest)) = text.split_once(':') else {
            return Err(UrlError::NoScheme(key));
        };
        if scheme.is_empty() || scheme.contains('/') {
            return Err(UrlError::NoScheme(key));
        }
        if matches!(rest, "" | "/" | "//") || !rest.starts_with("//") || rest.starts_with("///") {
            return Err(UrlError::NoHost(key));
        }
        let uri: Uri = text.parse().map_err(|error: http::uri::InvalidUri| {
            let (text, why) = (text.to_owned(), error.to_string());
            UrlError::Syntax { key, text, why }
        })?;
        let authority = uri.authority().ok_or(UrlError::NoHost(key))?;
        if authority.host().is_empty() {
            return Err(UrlError::NoHost(key));
        }
        Ok(Self {
            text: text.to_owned(),
            origin: format!("{scheme}://{authority}"),
            path: uri.path().to_owned(),
        })
    }

    /// As written.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The URL of `keys` below this one.
    pub(crate) fn keys(&self) -> String {
        format!("{}{}", self.origin, join(&self.path, "keys"))
    }
}

/// `name` below `path`, without empty and dotted steps, from the root on.
pub(crate) fn join(path: &str, name: &str) -> String {
    let mut steps: Vec<&str> = Vec::new();
    for step in path.split('/').chain(name.split('/')) {
        match step {
            "" | "." => {}
            ".." => drop(steps.pop()),
            step => steps.push(step),
        }
    }
    format!("/{}", steps.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_joined_as_go_joins_them() {
        assert_eq!(join("/", "keys"), "/keys");
        assert_eq!(join("", "keys"), "/keys");
        assert_eq!(join("/a//b/../c/", "keys"), "/a/c/keys");
        assert_eq!(join("a", ".well-known/x"), "/a/.well-known/x");
    }

    #[test]
    fn a_url_is_kept_as_written_and_its_keys_are_beside_it() {
        let url = Url::parse("jwt_issuer", "https://h.org:8443/a/?q=1").unwrap();
        assert_eq!(url.as_str(), "https://h.org:8443/a/?q=1");
        assert_eq!(url.keys(), "https://h.org:8443/a/keys");
        let bare = Url::parse("jwt_issuer", "https://h.org").unwrap();
        assert_eq!(bare.keys(), "https://h.org/keys");
    }

    #[test]
    fn scheme_and_host_are_needed() {
        let refused = |text| Url::parse("jwt_issuer", text).unwrap_err().to_string();
        assert!(
            refused("h.org").starts_with("the jwt_issuer url must contain a scheme"),
            "{}",
            refused("h.org")
        );
        assert!(refused("/path").contains("must contain a scheme"));
        assert_eq!(
            refused("https://"),
            "the jwt_issuer url must contain a host"
        );
        assert_eq!(
            refused("https:/a"),
            "the jwt_issuer url must contain a host"
        );
        assert!(refused("https://a b").starts_with("the jwt_issuer url could not be parsed"));
    }
}
