//! `steeple dev` as a user runs it: the built program, an empty folder, a signal.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says no by panicking"
)]

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// A running `steeple dev` that has shown its SVID.
struct Dev {
    child: Child,
    shown: Vec<String>,
}

impl Dev {
    /// Starts it in `home` and waits for the last line of what it shows.
    fn start(home: &Path, args: &[&str]) -> Self {
        let mut command = command(home, args);
        let child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut dev = Self {
            child,
            shown: Vec::new(),
        };
        let mut out = BufReader::new(dev.child.stdout.take().unwrap());
        while !dev
            .shown
            .last()
            .is_some_and(|line| line.contains("SPIFFE_ENDPOINT_SOCKET"))
        {
            let mut line = String::new();
            assert_ne!(
                out.read_line(&mut line).unwrap(),
                0,
                "ended after {:#?}",
                dev.shown
            );
            dev.shown.push(line.trim_end().to_owned());
        }
        dev.child.stdout = Some(out.into_inner());
        dev
    }

    /// What stands behind a label.
    fn value(&self, label: &str) -> &str {
        let row = self
            .shown
            .iter()
            .find_map(|line| line.trim_start().strip_prefix(label));
        row.unwrap_or_else(|| panic!("no {label} in {:#?}", self.shown))
            .trim()
    }

    /// Sends a signal and expects a clean end without another word.
    fn end(mut self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
        let mut rest = String::new();
        self.child
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut rest)
            .unwrap();
        let code = self.child.wait().unwrap().code();
        assert_eq!((code, rest.as_str()), (Some(0), ""));
    }
}

impl Drop for Dev {
    /// A test that fails leaves no process behind.
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.child.kill().and_then(|()| self.child.wait()).ok();
        }
    }
}

fn command(home: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_steeple"));
    command
        .arg("dev")
        .args(args)
        .current_dir(home)
        .stdin(Stdio::null());
    command
}

fn agent_id(home: &Path) -> String {
    let state = fs::read_to_string(home.join(".steeple/dev.json")).unwrap();
    let state: serde_json::Value = serde_json::from_str(&state).unwrap();
    state["agent_id"].as_str().unwrap().to_owned()
}

fn everything_in(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect()
}

#[test]
fn an_svid_from_nothing_and_the_same_house_again() {
    let home = tempfile::tempdir().unwrap();
    let dev = Dev::start(home.path(), &["--trust-domain", "dev.test"]);
    assert!(
        dev.value("SPIFFE ID")
            .starts_with("spiffe://dev.test/user/"),
        "{:#?}",
        dev.shown
    );
    assert!(dev.value("Valid").contains(" to "));
    assert!(dev.value("Chain").starts_with("leaf"));
    let id = dev.value("SPIFFE ID").to_owned();
    let first = agent_id(home.path());

    let second = command(home.path(), &[]).output().unwrap();
    let refusal = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(
        refusal.contains(&format!("process {}", dev.child.id())),
        "{refusal}"
    );
    dev.end(Signal::SIGINT);
    assert_eq!(everything_in(home.path()), [home.path().join(".steeple")]);

    let again = Dev::start(home.path(), &[]);
    assert_eq!(again.value("SPIFFE ID"), id);
    again.end(Signal::SIGTERM);
    assert_eq!(agent_id(home.path()), first, "the agent keeps its identity");
}

#[test]
fn an_agent_whose_identity_is_lost_attests_anew_by_itself() {
    let home = tempfile::tempdir().unwrap();
    let dev = Dev::start(home.path(), &[]);
    let id = dev.value("SPIFFE ID").to_owned();
    dev.end(Signal::SIGTERM);
    let first = agent_id(home.path());
    fs::remove_file(home.path().join(".steeple/agent/agent-data.json")).unwrap();
    let again = Dev::start(home.path(), &[]);
    assert_eq!(again.value("SPIFFE ID"), id, "you stay who you are");
    assert_ne!(agent_id(home.path()), first);
    again.end(Signal::SIGINT);
}
