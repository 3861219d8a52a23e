//! How the first bundle is obtained, and whether again later.

use steeple_config::{Layers, Written};
use steeple_hcl::{Kind, duration};

use super::AgentFlags;
use super::settings::{BundleFormat, BundleSource};
use super::url;

/// What is written about where the bundle comes from.
struct Sources {
    insecure: bool,
    path: Option<Written<String>>,
    url: Option<Written<String>>,
    unix_socket: Option<Written<String>>,
}

/// Reads the source of the first bundle; there has to be exactly one.
pub(super) fn bundle_source(layers: &Layers<'_, '_>, flags: &AgentFlags) -> Option<BundleSource> {
    let sources = Sources {
        insecure: layers.bool("insecure_bootstrap", flags.insecure_bootstrap),
        path: layers.text(
            "trust_bundle_path",
            Some(("-trustBundle", &flags.trust_bundle)),
        ),
        url: layers.text(
            "trust_bundle_url",
            Some(("-trustBundleUrl", &flags.trust_bundle_url)),
        ),
        unix_socket: layers.text("trust_bundle_unix_socket", None),
    };
    let format = format(layers, flags);
    if sources.unix_socket.is_some() && sources.url.is_none() {
        let message = "if trust_bundle_unix_socket is specified, so must be trust_bundle_url";
        tell(layers, "trust_bundle_unix_socket", message);
    }
    if let Some(message) = sources.conflict() {
        tell(layers, sources.conflicting_key(), message);
        return None;
    }
    sources.choose(layers, format)
}

impl Sources {
    fn conflict(&self) -> Option<&'static str> {
        match (self.insecure, self.path.is_some(), self.url.is_some()) {
            (true, true, true) => Some(
                "only one of insecure_bootstrap, trust_bundle_url, or trust_bundle_path can be \
                 specified, not the three options",
            ),
            (true, false, true) => Some(
                "only one of insecure_bootstrap or trust_bundle_url can be specified, not both",
            ),
            (true, true, false) => Some(
                "only one of insecure_bootstrap or trust_bundle_path can be specified, not both",
            ),
            (false, true, true) => {
                Some("only one of trust_bundle_url or trust_bundle_path can be specified, not both")
            }
            _ => None,
        }
    }

    fn conflicting_key(&self) -> &'static str {
        if self.insecure {
            "insecure_bootstrap"
        } else {
            "trust_bundle_url"
        }
    }

    fn choose(self, layers: &Layers<'_, '_>, format: BundleFormat) -> Option<BundleSource> {
        if self.insecure {
            return Some(BundleSource::Insecure);
        }
        if let Some(path) = self.path {
            return Some(BundleSource::File {
                path: path.value.into(),
                format,
            });
        }
        if self.url.is_some() {
            let over_socket = self.unix_socket.is_some();
            let url = layers.parsed(self.url, |url| {
                url::check(url, over_socket).map(|()| url.clone())
            })?;
            return Some(BundleSource::Url {
                url,
                unix_socket: self.unix_socket.map(|socket| socket.value.into()),
                format,
            });
        }
        if layers
            .text("trust_bundle_spiffe_workload_api", None)
            .is_none()
        {
            let message = "trust_bundle_path, trust_bundle_url, or \
                           trust_bundle_spiffe_workload_api must be configured unless \
                           insecure_bootstrap is set";
            layers
                .section()
                .tell("trust_bundle_path", message, Kind::Missing);
        }
        None
    }
}

fn tell(layers: &Layers<'_, '_>, key: &str, message: &str) {
    layers.section().tell(key, message, Kind::BadValue);
}

fn format(layers: &Layers<'_, '_>, flags: &AgentFlags) -> BundleFormat {
    let flag = Some(("-trustBundleFormat", &flags.trust_bundle_format));
    let written = layers.text("trust_bundle_format", flag);
    let parsed = layers.parsed(written, |text| match text.as_str() {
        "pem" => Ok(BundleFormat::Pem),
        "spiffe" => Ok(BundleFormat::Spiffe),
        _ => Err(format!(
            "invalid value for trust_bundle_format {text:?}, expected \"pem\" or \"spiffe\""
        )),
    });
    parsed.unwrap_or_default()
}

/// `rebootstrap_mode` and `rebootstrap_delay`: only `never` exists here yet.
pub(super) fn rebootstrap(layers: &Layers<'_, '_>, flags: &AgentFlags) {
    let flag = Some(("-rebootstrapDelay", &flags.rebootstrap_delay));
    layers.parsed(layers.text("rebootstrap_delay", flag), |text| {
        duration::parse(text)
            .map_err(|error| format!("error parsing rebootstrap delay duration: {error}"))
    });
    let flag = Some(("-rebootstrapMode", &flags.rebootstrap_mode));
    let Some(mode) = layers.text("rebootstrap_mode", flag) else {
        return;
    };
    match mode.value.as_str() {
        "never" => {}
        "auto" | "always" => {
            let message = format!(
                "rebootstrap_mode {:?} is not supported yet (bootstrapping again); \
                 take it out or use \"never\"",
                mode.value
            );
            layers.pending(&mode, message);
        }
        unknown => {
            let message = format!("unknown rebootstrap mode specified: {unknown}");
            layers.refuse(&mode, message);
        }
    }
}
