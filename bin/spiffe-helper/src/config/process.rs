//! The keys about the process that uses the certificates.

use std::{path::PathBuf, time::Duration};

use nix::sys::signal::Signal;

use super::{Cmd, Restart, keys::Keys, paths::expand_home};
use crate::process::{args, signal};

const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// What happens when certificates were renewed.
pub(super) struct Renewal {
    pub(super) cmd: Option<Cmd>,
    pub(super) pid_file: Option<PathBuf>,
    pub(super) signal: Option<Signal>,
    /// What will not work, but is no reason not to write files.
    pub(super) errors: Vec<String>,
}

/// Reads these keys; most of them mean nothing unless `daemon`.
pub(super) fn read(keys: &Keys<'_>, daemon: bool, home: Option<&str>) -> Renewal {
    let program = keys.string("cmd");
    let arguments = keys.string("cmd_args").unwrap_or_default();
    let pid_file = keys.string("pid_file_name");
    let signal = keys.string("renew_signal");
    let restarts = [
        ("on-update", Restart::OnUpdate),
        ("on-failure", Restart::OnFailure),
        ("always", Restart::Always),
    ];
    let restart = keys.choice("cmd_restart", &restarts).unwrap_or_default();
    let stop_timeout = keys.section().duration("cmd_stop_timeout");
    if !daemon {
        check_one_shot(
            keys,
            program.is_some(),
            signal.is_some(),
            pid_file.is_some(),
        );
    }
    if pid_file.is_some() && signal.is_none() {
        keys.refuse(
            "pid_file_name",
            "must specify renew_signal when using pid_file_name",
        );
    }
    let mut renewal = Renewal {
        cmd: None,
        pid_file: pid_file.map(PathBuf::from),
        signal: None,
        errors: Vec::new(),
    };
    if !daemon {
        return renewal;
    }
    match signal::parse(&signal.unwrap_or_default()) {
        Ok(signal) => renewal.signal = signal,
        Err(error) => renewal.errors.push(format!(
            "renew_signal: {error} No process will be signalled"
        )),
    }
    let Some(program) = program else {
        return renewal;
    };
    match args::split(&arguments) {
        Ok(args) => {
            renewal.cmd = Some(Cmd {
                program: expand_home(&program, home),
                args,
                restart,
                stop_timeout: stop_timeout.unwrap_or(STOP_TIMEOUT),
            });
        }
        Err(error) => renewal.errors.push(format!(
            "error parsing cmd arguments: {error}; {program:?} will not be started (in cmd_args, double quotes hold \
             words together, and \"\" is one quote within them)"
        )),
    }
    renewal
}

fn check_one_shot(keys: &Keys<'_>, cmd: bool, signal: bool, pid_file: bool) {
    for (key, there) in [("cmd", cmd), ("renew_signal", signal)] {
        if there {
            let message = format!("{key} is set but daemon_mode is false. {key} will be ignored");
            keys.section().warn(key, message);
        }
    }
    if pid_file {
        let message = "pid_file_name is set but daemon_mode is false. pid_file_name is only supported in daemon_mode";
        keys.refuse("pid_file_name", message);
    }
}
