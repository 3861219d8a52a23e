//! Addresses in Go's spelling, `host:port` with the host left out for all interfaces.

use std::{
    fmt, io,
    net::{Ipv4Addr, Ipv6Addr},
};

use tokio::net::TcpListener;

/// Why a text is no address to listen on.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum AddressError {
    /// Without a port.
    #[error("{0:?} has no port; write host:port, or :port for all interfaces")]
    NoPort(String),
    /// With something else than a port behind the colon.
    #[error("{0:?} has no valid port; use 0 to 65535, http or https")]
    BadPort(String),
    /// A bare IPv6 address.
    #[error("{0:?} has too many colons; put an IPv6 address in brackets")]
    Colons(String),
}

/// Where to listen.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct ListenAddress {
    /// Empty for all interfaces.
    host: String,
    port: u16,
    text: String,
}

impl ListenAddress {
    /// Reads `host:port`, `[ipv6]:port` or `:port`.
    pub(crate) fn parse(text: &str) -> Result<Self, AddressError> {
        let (host, port) = text
            .rsplit_once(':')
            .ok_or_else(|| AddressError::NoPort(text.to_owned()))?;
        let bracketed = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        if bracketed.is_none() && host.contains(':') {
            return Err(AddressError::Colons(text.to_owned()));
        }
        let port = match port {
            "http" => 80,
            "https" => 443,
            port => port
                .parse()
                .map_err(|_| AddressError::BadPort(text.to_owned()))?,
        };
        Ok(Self {
            host: bracketed.unwrap_or(host).to_owned(),
            port,
            text: text.to_owned(),
        })
    }

    /// A port on all interfaces.
    pub(crate) fn everywhere(port: u16) -> Self {
        Self {
            host: String::new(),
            port,
            text: format!(":{port}"),
        }
    }

    /// Listens there.
    pub(crate) async fn bind(&self) -> io::Result<TcpListener> {
        if !self.host.is_empty() {
            return TcpListener::bind((self.host.as_str(), self.port)).await;
        }
        // The IPv6 wildcard takes IPv4 connections too; a machine may have no IPv6.
        match TcpListener::bind((Ipv6Addr::UNSPECIFIED, self.port)).await {
            Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
                TcpListener::bind((Ipv4Addr::UNSPECIFIED, self.port)).await
            }
            bound => bound,
        }
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling() {
        let parts = |text| {
            let address = ListenAddress::parse(text).unwrap();
            (address.host, address.port)
        };
        assert_eq!(parts(":443"), (String::new(), 443));
        assert_eq!(parts("localhost:https"), ("localhost".to_owned(), 443));
        assert_eq!(parts("127.0.0.1:80"), ("127.0.0.1".to_owned(), 80));
        assert_eq!(parts("[::1]:80"), ("::1".to_owned(), 80));
    }

    #[test]
    fn refusals_say_what_to_write() {
        let refused = |text| ListenAddress::parse(text).unwrap_err().to_string();
        assert!(refused("localhost").contains("has no port"));
        assert!(refused("localhost:99999").contains("no valid port"));
        assert!(refused("::1:80").contains("brackets"));
    }

    #[tokio::test]
    async fn everywhere_takes_ipv4() {
        let listener = ListenAddress::everywhere(0).bind().await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let client = tokio::net::TcpStream::connect(("127.0.0.1", port)).await;
        assert!(client.is_ok());
    }
}
