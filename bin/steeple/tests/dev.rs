//! `steeple dev` as a user runs it: the built program, an empty folder, a signal.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// A running `steeple dev` that has shown its SVID.
struct Dev {
    child: Child,
    out: BufReader<ChildStdout>,
    shown: Vec<String>,
}

impl Dev {
    /// Starts it in `home` and waits for the last line of what it shows.
    fn start(home: &Path, args: &[&str]) -> Self {
        let mut child = command(home, args)
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut shown = Vec::new();
        loop {
            let mut line = String::new();
            assert_ne!(
                out.read_line(&mut line).unwrap(),
                0,
                "ended after {shown:#?}"
            );
            let last = line.contains("SPIFFE_ENDPOINT_SOCKET");
            shown.push(line.trim_end().to_owned());
            if last {
                return Self { child, out, shown };
            }
        }
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
        self.out.read_to_string(&mut rest).unwrap();
        assert_eq!(
            (self.child.wait().unwrap().code(), rest.as_str()),
            (Some(0), "")
        );
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
