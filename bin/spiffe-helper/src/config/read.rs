//! From the file to the checked form.

use std::path::Path;

use steeple_hcl::{Document, Problem, Report};
use steeple_workload::Address;

use super::{
    Config, ConfigError, Layout, Loaded, X509Files, health, jwt, keys::Keys, modes, paths::below,
    process,
};

const ADDRESS: &str = "/tmp/spire-agent/public/api.sock";
const CERT_MODE: u32 = 0o644;
const KEY_MODE: u32 = 0o600;

/// What comes from outside the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Overrides {
    /// `-daemon-mode`, if it was given.
    pub(crate) daemon_mode: Option<bool>,
    /// `SPIFFE_ENDPOINT_SOCKET`
    pub(crate) endpoint_socket: Option<String>,
    /// `HOME`
    pub(crate) home: Option<String>,
}

/// Reads the file. All mistakes are told at once.
pub(crate) fn load(path: &Path, overrides: &Overrides) -> Result<Loaded, ConfigError> {
    check(&steeple_config::read(path, false)?, overrides)
}

/// Makes sense of a file that was read.
pub(super) fn check(document: &Document, overrides: &Overrides) -> Result<Loaded, ConfigError> {
    let report = Report::new();
    let keys = Keys::new(document, &report);
    let cert_dir = keys.string("cert_dir").unwrap_or_default();
    let daemon = keys.bool("daemon_mode");
    let daemon = overrides.daemon_mode.or(daemon).unwrap_or(true);
    let address = address(&keys, overrides);
    let renewal = process::read(&keys, daemon, overrides.home.as_deref());
    let config = Config {
        hint: keys.string("hint").unwrap_or_default(),
        daemon,
        one_shot_timeout: keys.section().duration("one_shot_timeout"),
        x509: x509(&keys, &cert_dir),
        jwt_bundle: jwt::bundle(&keys, &cert_dir),
        jwt_svids: jwt::svids(&keys, &cert_dir),
        cmd: renewal.cmd,
        pid_file: renewal.pid_file,
        renew_signal: renewal.signal,
        health: health::read(&keys),
        address: address.unwrap_or_else(|| Address::Unix(ADDRESS.into())),
    };
    keys.section().finish();
    if config.x509.is_none()
        && config.jwt_bundle.is_none()
        && config.jwt_svids.is_empty()
        && report.is_empty()
    {
        keys.refuse(
            "",
            "at least one of the sets ('svid_file_name', 'svid_key_file_name', 'svid_bundle_file_name'), 'jwt_svids', \
             or 'jwt_bundle_file_name' must be fully specified",
        );
    }
    let problems = report.problems();
    if !problems.is_empty() {
        return Err(ConfigError::Mistakes(problems));
    }
    Ok(Loaded {
        config,
        warnings: keys
            .report()
            .warnings()
            .iter()
            .map(Problem::to_string)
            .collect(),
        errors: renewal.errors,
    })
}

/// The file beats the environment.
fn address(keys: &Keys<'_>, overrides: &Overrides) -> Option<Address> {
    let written = keys.string("agent_address");
    let from_environment = overrides.endpoint_socket.clone();
    let text = written.or(from_environment.filter(|text| !text.is_empty()))?;
    match Address::parse(&text) {
        Ok(address) => Some(address),
        Err(error) => {
            keys.refuse("agent_address", error.to_string());
            None
        }
    }
}

fn x509(keys: &Keys<'_>, cert_dir: &str) -> Option<X509Files> {
    let flag = |key| keys.bool(key).unwrap_or(false);
    let layouts = [("links", Layout::Links), ("plain", Layout::Plain)];
    let layout = keys.choice("file_layout", &layouts).unwrap_or_default();
    let cert_mode = modes::read(keys, "cert_file_mode", CERT_MODE);
    let key_mode = modes::read(keys, "key_file_mode", KEY_MODE);
    let intermediates_to_bundle = flag("add_intermediates_to_bundle");
    let federated = flag("include_federated_domains");
    let omit_expired = flag("omit_expired");
    let names = [
        "svid_file_name",
        "svid_key_file_name",
        "svid_bundle_file_name",
    ];
    let names = names.map(|key| (key, keys.string(key)));
    match names {
        [(_, Some(svid)), (_, Some(key)), (_, Some(bundle))] => Some(X509Files {
            svid: below(cert_dir, &svid),
            key: below(cert_dir, &key),
            bundle: below(cert_dir, &bundle),
            cert_mode,
            key_mode,
            intermediates_to_bundle,
            federated,
            omit_expired,
            layout,
        }),
        [(_, None), (_, None), (_, None)] => None,
        some => {
            let written = some.iter().find(|(_, name)| name.is_some());
            keys.refuse(
                written.map_or("", |(key, _)| key),
                "all or none of 'svid_file_name', 'svid_key_file_name', 'svid_bundle_file_name' must be specified",
            );
            None
        }
    }
}
