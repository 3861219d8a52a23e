//! `renew_signal`: a signal by its POSIX name.

use std::str::FromStr as _;

use nix::sys::signal::Signal;

/// A text that names no signal.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("error getting signal: {name}{hint}")]
pub(crate) struct SignalError {
    name: String,
    hint: String,
}

/// The signal of this name, such as `SIGHUP`; an empty name means none.
pub(crate) fn parse(name: &str) -> Result<Option<Signal>, SignalError> {
    if name.is_empty() {
        return Ok(None);
    }
    Signal::from_str(name).map(Some).map_err(|_| SignalError {
        name: name.to_owned(),
        hint: hint(name),
    })
}

fn hint(name: &str) -> String {
    let meant = match name.parse::<i32>() {
        Ok(number) => Signal::try_from(number).ok().map(Signal::as_str),
        Err(_) => {
            let upper = name.to_uppercase();
            let full = match upper.strip_prefix("SIG") {
                Some(_) => upper,
                None => format!("SIG{upper}"),
            };
            steeple_hcl::nearest(&full, Signal::iterator().map(Signal::as_str))
        }
    };
    match meant {
        Some(meant) => format!("; did you mean {meant:?}?"),
        None => "; write a name such as \"SIGHUP\"".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_only_names_are_signals() {
        assert_eq!(parse("SIGHUP"), Ok(Some(Signal::SIGHUP)));
        assert_eq!(parse("SIGUSR1"), Ok(Some(Signal::SIGUSR1)));
        assert_eq!(parse("SIGWINCH"), Ok(Some(Signal::SIGWINCH)));
        assert_eq!(parse(""), Ok(None));
        for (wrong, meant) in [
            ("HUP", "SIGHUP"),
            ("sighup", "SIGHUP"),
            ("SIGUSER1", "SIGUSR1"),
            ("10", "SIGUSR1"),
        ] {
            let error = parse(wrong).unwrap_err().to_string();
            assert_eq!(
                error,
                format!("error getting signal: {wrong}; did you mean {meant:?}?")
            );
        }
        let error = parse("reload please").unwrap_err().to_string();
        assert!(error.ends_with("such as \"SIGHUP\""), "{error}");
    }
}
