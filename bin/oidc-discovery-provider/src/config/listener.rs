//! `acme { }`, `serving_cert_file { }`, `insecure_addr` and `listen_socket_path`: exactly one.

use std::{path::PathBuf, time::Duration};

use steeple_config::pending::{self, Harmless, Pending};
use steeple_hcl::{Kind, Section};

use super::{source::need, text};
use crate::listeners::ListenAddress;

const HTTPS: &str = ":443";
const FILE_SYNC_INTERVAL: Duration = Duration::from_secs(60);
const CACHE_DIR: &str = "./.acme-cache";
const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";

const WINDOWS: [Pending; 1] = [Pending {
    section: "experimental",
    key: "listen_named_pipe_name",
    what: "Windows named pipes",
    harmless: Harmless::Text(&[]),
}];

/// Where requests come in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum ListenerConfig {
    /// HTTP without TLS, for a proxy in front.
    Insecure(ListenAddress),
    /// HTTP on a Unix socket.
    Socket(PathBuf),
    /// HTTPS with a certificate that somebody else keeps fresh.
    CertFiles(CertFiles),
    /// HTTPS with certificates of our own.
    Acme(AcmeConfig),
}

/// A certificate in files.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct CertFiles {
    /// The chain, leaf first.
    pub(crate) cert: PathBuf,
    /// The private key.
    pub(crate) key: PathBuf,
    /// Where to listen.
    pub(crate) address: ListenAddress,
    /// How often to look for new files.
    pub(crate) interval: Duration,
}

/// A certificate from an ACME service.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct AcmeConfig {
    /// Whom the service may write to.
    pub(crate) email: String,
    /// Where account and certificates are kept, if they are.
    pub(crate) cache_dir: Option<PathBuf>,
    /// The service.
    pub(crate) directory_url: String,
    /// Where to listen.
    pub(crate) address: ListenAddress,
}

/// One of the settings, if it is there: what it says, where that is right.
type Read = Option<Option<ListenerConfig>>;

pub(super) fn read(root: &Section<'_>) -> Option<ListenerConfig> {
    if let Some(experimental) = root.section("experimental") {
        pending::refuse(&experimental, &WINDOWS);
        experimental.finish();
    }
    let read = [
        ("acme", acme(root)),
        ("serving_cert_file", cert_files(root)),
        ("insecure_addr", insecure(root)),
        ("listen_socket_path", socket(root)),
    ];
    let mut given: Vec<_> = read
        .into_iter()
        .filter_map(|(key, read)| Some((key, read?)))
        .collect();
    match given.as_slice() {
        [] => {
            let message = "either acme, serving_cert_file, insecure_addr or listen_socket_path \
                           must be configured";
            root.tell("acme", message, Kind::Missing);
            None
        }
        [_] => given.pop().and_then(|(_, listener)| listener),
        [(one, _), (other, _), ..] => {
            let message = format!("{one} and {other} are mutually exclusive");
            root.tell(other, message, Kind::BadValue);
            None
        }
    }
}

fn insecure(root: &Section<'_>) -> Read {
    let written = text(root, "insecure_addr")?;
    Some(address(root, "insecure_addr", &written).map(ListenerConfig::Insecure))
}

fn socket(root: &Section<'_>) -> Read {
    let path = text(root, "listen_socket_path")?;
    Some(Some(ListenerConfig::Socket(path.into())))
}

fn cert_files(root: &Section<'_>) -> Read {
    const NAME: &str = "serving_cert_file";
    let section = root.section(NAME)?;
    let path = |key| {
        let path = text(&section, key);
        if path.is_none() {
            need(&section, key, NAME);
        }
        path.map(PathBuf::from)
    };
    let (cert, key) = (path("cert_file_path"), path("key_file_path"));
    let interval = section
        .duration("file_sync_interval")
        .filter(|interval| !interval.is_zero())
        .unwrap_or(FILE_SYNC_INTERVAL);
    let address = https(&section);
    section.finish();
    let files = || {
        Some(CertFiles {
            cert: cert?,
            key: key?,
            address: address?,
            interval,
        })
    };
    Some(files().map(ListenerConfig::CertFiles))
}

fn acme(root: &Section<'_>) -> Read {
    const NAME: &str = "acme";
    let section = root.section(NAME)?;
    let email = text(&section, "email");
    if email.is_none() {
        need(&section, "email", NAME);
    }
    if section.bool("tos_accepted") != Some(true) {
        let message = "tos_accepted must be set to true in the acme configuration section";
        section.tell("tos_accepted", message, Kind::Missing);
    }
    // Empty means: keep nothing.
    let cache_dir = section
        .string("cache_dir")
        .unwrap_or_else(|| CACHE_DIR.to_owned());
    let directory_url = text(&section, "directory_url").unwrap_or_else(|| LETS_ENCRYPT.to_owned());
    let address = https(&section);
    section.finish();
    let config = || {
        Some(AcmeConfig {
            email: email?,
            cache_dir: (!cache_dir.is_empty()).then(|| cache_dir.into()),
            directory_url,
            address: address?,
        })
    };
    Some(config().map(ListenerConfig::Acme))
}

fn https(section: &Section<'_>) -> Option<ListenAddress> {
    let written = text(section, "addr");
    address(section, "addr", written.as_deref().unwrap_or(HTTPS))
}

fn address(section: &Section<'_>, key: &str, text: &str) -> Option<ListenAddress> {
    ListenAddress::parse(text)
        .map_err(|error| section.problem(key, error.to_string()))
        .ok()
}
