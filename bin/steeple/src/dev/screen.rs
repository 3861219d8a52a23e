//! What is shown: steps on a terminal, the result everywhere.

use std::{
    env,
    fmt::Write as _,
    io::{self, IsTerminal, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::Timestamp;
use nix::unistd::getuid;
use steeple_agent_runtime::RunningAgent;
use steeple_cli::agent::FetchedSvid;
use steeple_server_runtime::RunningServer;
use steeple_spiffe::x509::CertificateInfo;

use super::{folder::Folder, operator::NODE};

/// The terminal, or the pipe.
pub(crate) struct Screen {
    steps: bool,
}

/// What there is to show when all is up.
pub(crate) struct Summary<'a> {
    pub(crate) svid: &'a FetchedSvid,
    pub(crate) took: Duration,
    pub(crate) now: Timestamp,
    pub(crate) folder: &'a Folder,
    pub(crate) server: &'a RunningServer,
    pub(crate) agent: &'a RunningAgent,
}

impl Screen {
    /// Steps are shown only where somebody watches.
    pub(crate) fn new() -> Self {
        Self {
            steps: io::stderr().is_terminal(),
        }
    }

    /// Says what is being done.
    pub(crate) fn step(&self, what: &str) {
        if self.steps {
            let _nobody_to_tell = writeln!(io::stderr(), "  {what}");
        }
    }

    /// Shows the result.
    pub(crate) fn show(&self, summary: &Summary<'_>) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(text(summary).as_bytes())?;
        if self.steps {
            writeln!(
                out,
                "\nCtrl-C stops it; what it knows stays for the next start."
            )?;
        }
        out.flush()
    }
}

fn text(summary: &Summary<'_>) -> String {
    let Summary {
        svid,
        took,
        now,
        folder,
        server,
        agent,
    } = summary;
    let mut out = String::new();
    // Writing to a String cannot fail.
    let mut line = |text: String| {
        let _written = writeln!(out, "{text}");
    };
    line(format!(
        "\nSteeple is up after {:.2} s.",
        took.as_secs_f64()
    ));
    line("\nYour X.509-SVID, fetched through the Workload API and verified:\n".into());
    line(format!("  SPIFFE ID    {}", svid.spiffe_id));
    if let Some(leaf) = svid.certificates.first() {
        let left = duration(leaf.not_after.duration_since(*now).as_secs());
        line(format!(
            "  Valid        {} to {} ({left} left)",
            time(leaf.not_before),
            time(leaf.not_after)
        ));
    }
    for (at, row) in chain(svid).into_iter().enumerate() {
        line(format!(
            "  {:<12} {row}",
            if at == 0 { "Chain" } else { "" }
        ));
    }
    line(format!(
        "\n  Workload API unix://{}",
        agent.socket.display()
    ));
    line(format!(
        "  Server       {}, and {} for operators",
        server.tcp,
        server.socket.display()
    ));
    line(format!(
        "  Folder       {}, log in {}",
        folder.path().display(),
        folder.log().display()
    ));
    line("\nThree things to try next, in another terminal:\n".into());
    for (number, (what, command)) in (1..).zip(next(folder)) {
        line(format!("  {number}. {what}:\n     {command}"));
    }
    out
}

/// Leaf, intermediates and the roots of the bundle, one a line.
fn chain(svid: &FetchedSvid) -> Vec<String> {
    let certificates = svid
        .certificates
        .iter()
        .enumerate()
        .map(|(at, certificate)| {
            let name = if at == 0 { "leaf" } else { "intermediate" };
            certificate_row(name, certificate)
        });
    certificates
        .chain(svid.bundle.iter().map(|root| certificate_row("root", root)))
        .collect()
}

fn certificate_row(name: &str, certificate: &CertificateInfo) -> String {
    let id = certificate.uris.first().map_or("(no URI)", String::as_str);
    let serial = &certificate.serial;
    format!(
        "{name:<5} {id}, serial {serial}, until {}",
        time(certificate.not_after)
    )
}

fn time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// Short, and rounded to minutes where seconds do not matter.
fn duration(seconds: i64) -> String {
    let seconds = if seconds < 300 {
        seconds
    } else {
        (seconds + 30) / 60 * 60
    };
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, _) => format!("{minutes} min"),
        (hours, 0, _) => format!("{hours} h"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// What to do, and how.
fn next(folder: &Folder) -> [(&'static str, String); 3] {
    let (agent, server) = (program("spire-agent"), program("spire-server"));
    let (workloads, operators) = (folder.agent_socket(), folder.server_socket());
    let (domain, uid) = (&folder.trust_domain, getuid());
    [
        (
            "Fetch it yourself, and write certificate, key and roots to files",
            format!(
                "{agent} api fetch x509 -socketPath {} -write .",
                shell(&workloads)
            ),
        ),
        (
            "Register a second identity for yourself, then fetch again",
            format!(
                "{server} entry create -socketPath {} -parentID spiffe://{domain}{NODE} \
                 -spiffeID spiffe://{domain}/web -selector unix:uid:{uid}",
                shell(&operators)
            ),
        ),
        (
            "Point a program that uses a SPIFFE library (Go, Python, Rust, Java, ...) at it",
            format!(
                "export SPIFFE_ENDPOINT_SOCKET=unix://{}",
                workloads.display()
            ),
        ),
    ]
}

/// The program as a user can type it: by its name if the shell finds it, else by its path.
fn program(name: &str) -> String {
    let search = env::var_os("PATH").unwrap_or_default();
    if env::split_paths(&search).any(|folder| folder.join(name).is_file()) {
        return name.to_owned();
    }
    let beside = env::current_exe()
        .ok()
        .and_then(|own| Some(own.parent()?.join(name)));
    beside
        .filter(|path| path.is_file())
        .map_or_else(|| name.to_owned(), |path| shell(&path))
}

/// A path as a shell takes it, relative where that is shorter.
fn shell(path: &Path) -> String {
    let here = env::current_dir().ok();
    let relative = here.and_then(|here| path.strip_prefix(here).ok().map(PathBuf::from));
    let text = relative
        .unwrap_or_else(|| path.to_owned())
        .display()
        .to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
    if text.chars().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_short() {
        for (seconds, text) in [
            (7, "7 s"),
            (299, "4 min"),
            (3599, "1 h"),
            (3600, "1 h"),
            (86_399, "24 h"),
            (86_000, "23 h 53 min"),
        ] {
            assert_eq!(duration(seconds), text);
        }
    }

    #[test]
    fn paths_are_quoted_where_a_shell_needs_it() {
        assert_eq!(shell(Path::new("/a/b-c_1.sock")), "/a/b-c_1.sock");
        assert_eq!(shell(Path::new("/a b/it's")), "'/a b/it'\\''s'");
    }
}
