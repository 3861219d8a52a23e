//! The server's TCP port.

use std::{io, net::TcpListener};

use anyhow::{Context as _, Result, bail};

/// The port asked for, found free, or an error that says why it cannot be had; zero, which stands
/// for any free one, when none was asked for.
pub(crate) fn choose(asked: Option<u16>) -> Result<u16> {
    let Some(port) = asked else { return Ok(0) };
    match TcpListener::bind(("127.0.0.1", port)) {
        Ok(_free) => Ok(port),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => bail!(
            "port {port} on 127.0.0.1 is taken by another program; choose another with --port, \
             or leave --port out to take any that is free"
        ),
        Err(error) => Err(error).with_context(|| format!("port {port} cannot be used")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_refused() {
        let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let error = choose(Some(port)).unwrap_err().to_string();
        assert!(
            error.contains(&format!("port {port}")) && error.contains("--port"),
            "{error}"
        );
        drop(taken);
        assert_eq!(choose(Some(port)).unwrap(), port);
        assert_eq!(choose(None).unwrap(), 0);
    }
}
