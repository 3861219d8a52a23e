//! Where the Workload API is (SPIFFE Workload Endpoint, section 4).

use std::{
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
    str::FromStr,
};

/// Why a text is no address of a Workload API.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AddressError {
    /// Nothing was given.
    #[error(
        "the Workload API's address is empty; give a socket path such as /tmp/spire-agent/public/api.sock"
    )]
    Empty,
    /// A `unix` address without a path.
    #[error("Workload API address {0:?} has no socket path; write unix:/path/to/api.sock")]
    NoPath(String),
    /// A `tcp` address that is not an IP address and a port.
    #[error("Workload API address {0:?} is not tcp://IP:PORT")]
    BadTcp(String),
    /// Another scheme.
    #[error("Workload API address {0:?} has an unknown scheme; use unix: or tcp:")]
    Scheme(String),
}

/// Where the Workload API is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Address {
    /// A Unix socket.
    Unix(PathBuf),
    /// A TCP port, in plain text: for loopback and pod-local endpoints.
    Tcp(SocketAddr),
}

impl Address {
    /// Reads a bare path, `unix:path`, `unix:///path` or `tcp://IP:PORT`.
    ///
    /// # Errors
    /// When it is none of these.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        if let Some(rest) = text.strip_prefix("unix:") {
            return socket(rest).ok_or_else(|| AddressError::NoPath(text.to_owned()));
        }
        if let Some(rest) = text.strip_prefix("tcp:") {
            let parsed = rest.trim_start_matches('/').parse();
            return parsed
                .map(Self::Tcp)
                .map_err(|_| AddressError::BadTcp(text.to_owned()));
        }
        if text.contains("://") {
            return Err(AddressError::Scheme(text.to_owned()));
        }
        Ok(Self::Unix(PathBuf::from(text)))
    }

    /// The socket, if it is one.
    pub fn socket(&self) -> Option<&Path> {
        match self {
            Self::Unix(path) => Some(path),
            Self::Tcp(_) => None,
        }
    }
}

/// `unix:` takes a path as it is; with two slashes comes an empty host first. A doubled scheme is
/// forgiven: programs have put one before what already had one.
fn socket(rest: &str) -> Option<Address> {
    let path = rest.strip_prefix("//").unwrap_or(rest);
    if let Some(again) = path.strip_prefix("unix:") {
        return socket(again);
    }
    (!path.is_empty()).then(|| Address::Unix(PathBuf::from(path)))
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        Self::parse(text)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tcp(addr) => write!(f, "tcp://{addr}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_socket() {
        for text in [
            "/a/b.sock",
            "unix:/a/b.sock",
            "unix:///a/b.sock",
            "unix://unix:///a/b.sock",
        ] {
            assert_eq!(
                Address::parse(text),
                Ok(Address::Unix("/a/b.sock".into())),
                "{text}"
            );
        }
        assert_eq!(
            Address::parse("unix:b.sock"),
            Ok(Address::Unix("b.sock".into()))
        );
        let tcp = Address::parse("tcp://127.0.0.1:80").unwrap();
        assert_eq!(tcp.to_string(), "tcp://127.0.0.1:80");
        assert_eq!(tcp.socket(), None);
    }

    #[test]
    fn refusals_name_the_text() {
        for (text, error) in [
            ("", AddressError::Empty),
            ("unix:", AddressError::NoPath("unix:".to_owned())),
            ("unix://", AddressError::NoPath("unix://".to_owned())),
            (
                "tcp://localhost:80",
                AddressError::BadTcp("tcp://localhost:80".to_owned()),
            ),
            ("http://a", AddressError::Scheme("http://a".to_owned())),
        ] {
            assert_eq!(Address::parse(text), Err(error));
        }
    }
}
