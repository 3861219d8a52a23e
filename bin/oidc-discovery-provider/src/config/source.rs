//! `server_api { }`, `workload_api { }` and `file { }`: exactly one of them.

use std::{path::PathBuf, time::Duration};

use steeple_config::pending::{self, Harmless, Pending};
use steeple_hcl::{Kind, Section};
use steeple_spiffe::TrustDomain;
use steeple_workload::Address;

use super::text;

const POLL_INTERVAL: Duration = Duration::from_secs(10);

const WINDOWS: [Pending; 2] = [
    pipe("server_api.experimental"),
    pipe("workload_api.experimental"),
];

const fn pipe(section: &'static str) -> Pending {
    Pending {
        section,
        key: "named_pipe_name",
        what: "Windows named pipes",
        harmless: Harmless::Text(&[]),
    }
}

/// Where the keys come from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct SourceConfig {
    /// From whom.
    pub(crate) origin: Origin,
    /// How often to ask.
    pub(crate) poll_interval: Duration,
}

/// Whom to ask for the keys.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Origin {
    /// The server, on its private socket.
    ServerApi(PathBuf),
    /// The agent, as a workload.
    WorkloadApi {
        /// Its socket.
        address: Address,
        /// Whose keys to serve.
        trust_domain: TrustDomain,
    },
    /// A SPIFFE bundle in a file.
    File(PathBuf),
}

/// One of the sections, if it is there: what it says, where that is right.
type Read = Option<Option<SourceConfig>>;

pub(super) fn read(root: &Section<'_>) -> Option<SourceConfig> {
    let read = [
        one(root, "server_api", server_api),
        one(root, "workload_api", workload_api),
        one(root, "file", file),
    ];
    let mut given: Vec<_> = read.into_iter().flatten().collect();
    let (kind, message) = match given.len() {
        1 => return given.pop().flatten(),
        0 => (
            Kind::Missing,
            "exactly one of the server_api, workload_api, or file sections must be configured",
        ),
        _ => (
            Kind::BadValue,
            "the server_api, workload_api, and file sections are mutually exclusive",
        ),
    };
    root.tell("file", message, kind);
    None
}

fn one(root: &Section<'_>, key: &str, origin: impl FnOnce(&Section<'_>) -> Option<Origin>) -> Read {
    let section = root.section(key)?;
    let origin = origin(&section);
    let interval = section.duration("poll_interval");
    section.finish();
    Some(origin.map(|origin| {
        SourceConfig {
            origin,
            poll_interval: interval
                .filter(|interval| !interval.is_zero())
                .unwrap_or(POLL_INTERVAL),
        }
    }))
}

fn experimental(section: &Section<'_>) {
    if let Some(experimental) = section.section("experimental") {
        pending::refuse(&experimental, &WINDOWS);
        experimental.finish();
    }
}

fn server_api(section: &Section<'_>) -> Option<Origin> {
    const KEY: &str = "address";
    experimental(section);
    let Some(address) = text(section, KEY) else {
        need(section, KEY, "server_api");
        return None;
    };
    if !address.starts_with("unix:") {
        let message = "address must use the unix name system in the server_api configuration \
                       section; write unix:///path/to/api.sock";
        section.tell(KEY, message, Kind::BadValue);
        return None;
    }
    let socket = Address::parse(&address);
    told(section, KEY, socket).and_then(|address| Some(Origin::ServerApi(address.socket()?.into())))
}

fn workload_api(section: &Section<'_>) -> Option<Origin> {
    experimental(section);
    let required = |key| {
        let value = text(section, key);
        if value.is_none() {
            need(section, key, "workload_api");
        }
        value
    };
    let address = required("socket_path")
        .and_then(|path| told(section, "socket_path", Address::parse(&path)));
    let trust_domain = required("trust_domain")
        .and_then(|name| told(section, "trust_domain", TrustDomain::parse(&name)));
    Some(Origin::WorkloadApi {
        address: address?,
        trust_domain: trust_domain?,
    })
}

fn file(section: &Section<'_>) -> Option<Origin> {
    match text(section, "path") {
        Some(path) => Some(Origin::File(path.into())),
        None => {
            need(section, "path", "file");
            None
        }
    }
}

/// The value; what is wrong with it is told.
fn told<T, E: std::fmt::Display>(
    section: &Section<'_>,
    key: &str,
    parsed: Result<T, E>,
) -> Option<T> {
    parsed
        .map_err(|error| section.problem(key, error.to_string()))
        .ok()
}

/// Tells that a section lacks a key.
pub(super) fn need(section: &Section<'_>, key: &str, name: &str) {
    let message = format!("{key} must be configured in the {name} configuration section");
    section.tell(key, message, Kind::Missing);
}
