//! The server's TCP port.

use std::{io, net::TcpListener};

use anyhow::{Context as _, Result, bail};

/// Where SPIRE's server listens.
const USUAL: u16 = 8081;

/// The port asked for if it is free, else an error that says so; the usual one or any free one
/// when none was asked for.
pub(crate) fn choose(asked: Option<u16>) -> Result<u16> {
    if let Some(port) = asked {
        return match probe(port) {
            Ok(port) => Ok(port),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => bail!(
                "port {port} on 127.0.0.1 is taken by another program; choose another with --port, \
                 or leave --port out to take any that is free"
            ),
            Err(error) => Err(error).with_context(|| format!("port {port} cannot be used")),
        };
    }
    probe(USUAL)
        .or_else(|_| probe(0))
        .context("no TCP port is free on 127.0.0.1")
}

fn probe(port: u16) -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", port))?.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_refused_if_asked_for_and_avoided_if_not() {
        let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let error = choose(Some(port)).unwrap_err().to_string();
        assert!(
            error.contains(&format!("port {port}")) && error.contains("--port"),
            "{error}"
        );
        let free = choose(None).unwrap();
        assert_eq!(choose(Some(free)).unwrap(), free);
    }
}
