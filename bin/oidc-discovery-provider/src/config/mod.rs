//! From the file to what the program runs by: one step, with every mistake in one report.

mod health;
mod listener;
mod log;
mod source;
mod url;

use std::path::Path;

use steeple_config::{ConfigErrors, verdict};
use steeple_hcl::{Document, Kind, Report, Section};
use steeple_telemetry::LogConfig;

pub(crate) use health::HealthConfig;
pub(crate) use listener::{AcmeConfig, CertFiles, ListenerConfig};
pub(crate) use source::{Origin, SourceConfig};
pub(crate) use url::{Url, join};

use crate::domains::Domains;

/// The checked configuration.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// How to log.
    pub(crate) log: LogConfig,
    /// Whether each request is logged.
    pub(crate) log_requests: bool,
    /// What the documents say.
    pub(crate) site: SiteConfig,
    /// Where requests come in.
    pub(crate) listener: ListenerConfig,
    /// Where the keys come from.
    pub(crate) source: SourceConfig,
    /// Where health is told, if it is.
    pub(crate) health: Option<HealthConfig>,
    /// What is worth saying but stops nothing.
    pub(crate) warnings: Vec<String>,
}

/// What the documents say.
#[derive(Clone, Debug, Default)]
pub(crate) struct SiteConfig {
    /// The names that requests may be for.
    pub(crate) domains: Domains,
    /// Whether a plain request may be answered with `http` URLs.
    pub(crate) allow_insecure_scheme: bool,
    /// Whether keys are marked as signing keys.
    pub(crate) set_key_use: bool,
    /// The issuer, where it is not the name that was asked for.
    pub(crate) jwt_issuer: Option<Url>,
    /// Where the keys are, where that is not here.
    pub(crate) jwks_uri: Option<Url>,
    /// What both paths begin with; empty or beginning with a slash.
    pub(crate) path_prefix: String,
}

/// Reads the file.
///
/// # Errors
/// When it cannot be read, with everything that is wrong with it.
pub(crate) fn load(path: &Path, expand_env: bool) -> Result<Config, ConfigErrors> {
    check(&steeple_config::read(path, expand_env)?)
}

fn check(document: &Document) -> Result<Config, ConfigErrors> {
    let report = Report::new();
    let root = document.section(&report);
    let log = log::read(&root);
    let log_requests = root.bool("log_requests").unwrap_or(false);
    let site = site(&root);
    let listener = listener::read(&root);
    let source = source::read(&root);
    let health = health::read(&root);
    for (key, now) in REMOVED {
        if root.has(key) {
            let message = format!("{key} has been removed; {now}");
            root.tell(key, message, Kind::Unsupported);
        }
    }
    root.finish();
    let warnings = verdict(&report)?;
    match (listener, source) {
        (Some(listener), Some(source)) => Ok(Config {
            log,
            log_requests,
            site,
            listener,
            source,
            health,
            warnings,
        }),
        // Both say why in the report, so the verdict has been given above.
        _ => Err(ConfigErrors::Mistakes(report.problems())),
    }
}

/// Settings of old versions whose meaning has moved.
const REMOVED: [(&str, &str); 1] = [(
    "registration_api",
    "write server_api { address = \"unix:///path/to/api.sock\" }",
)];

fn site(root: &Section<'_>) -> SiteConfig {
    let site = SiteConfig {
        domains: domains(root),
        allow_insecure_scheme: root.bool("allow_insecure_scheme").unwrap_or(false),
        set_key_use: root.bool("set_key_use").unwrap_or(false),
        jwt_issuer: url(root, "jwt_issuer"),
        jwks_uri: url(root, "jwks_uri"),
        path_prefix: prefix(&text(root, "server_path_prefix").unwrap_or_default()),
    };
    if site.jwt_issuer.is_some() && site.jwks_uri.is_none() {
        root.warn(
            "jwt_issuer",
            "it also sets jwks_uri, to \"keys\" below it; set jwks_uri to say where the keys are",
        );
    }
    site
}

fn domains(root: &Section<'_>) -> Domains {
    let mut domains = Domains::default();
    let listed = root.strings("domains");
    let old = root.string("domain");
    if old.is_some() {
        root.warn(
            "domain",
            "this is the old spelling; write domains = [\"...\"]",
        );
    }
    let named = listed.iter().flatten().map(|name| ("domains", name));
    for (key, domain) in named.chain(old.iter().map(|name| ("domain", name))) {
        if let Err(error) = domains.add(domain) {
            root.problem(key, error.to_string());
        }
    }
    if !root.has("domains") && !root.has("domain") || listed.is_some_and(|all| all.is_empty()) {
        let message = "at least one domain must be configured";
        root.tell("domains", message, Kind::Missing);
    }
    domains
}

fn url(root: &Section<'_>, key: &'static str) -> Option<Url> {
    let written = text(root, key)?;
    match Url::parse(key, &written) {
        Ok(url) => Some(url),
        Err(error) => {
            root.tell(key, error.to_string(), Kind::BadValue);
            None
        }
    }
}

/// A text; an empty one counts as absent.
fn text(section: &Section<'_>, key: &str) -> Option<String> {
    section.string(key).filter(|text| !text.is_empty())
}

fn prefix(written: &str) -> String {
    match written {
        "" | "/" => String::new(),
        rooted if rooted.starts_with('/') => rooted.to_owned(),
        other => format!("/{other}"),
    }
}

#[cfg(test)]
mod tests;
