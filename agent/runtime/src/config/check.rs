//! From what is written to what is meant.

use std::path::Path;

use steeple_config::{
    Layers, PluginConfig, Written, absolute, health, log, pending, plugins, telemetry,
};
use steeple_hcl::{Kind, Section, empty};
use steeple_spiffe::key::KeyType;

use super::AgentFlags;
use super::bootstrap;
use super::experimental::{self, Experimental};
use super::identity;
use super::pending::PENDING;
use super::settings::{AgentConfig, SdsNames};

const DEFAULT_SOCKET_PATH: &str = "/tmp/spire-agent/public/api.sock";
const DEFAULT_DATA_DIR: &str = ".";
const DEFAULT_CACHE_SIZE: usize = 1000;

/// Reads a whole document: the settings, none only if something is wrong, which the report then
/// says; and the plugin blocks.
pub(super) fn root(
    root: &Section<'_>,
    flags: &AgentFlags,
) -> (Option<AgentConfig>, Vec<PluginConfig>) {
    let nothing = empty("agent");
    let agent = match root.section("agent") {
        Some(agent) => agent,
        None => nothing.section(root.report()),
    };
    let plugins = plugins::read(root);
    let health_checks = health::read(root);
    telemetry::read(root);
    root.finish();

    let config = read_agent(&agent, flags);
    agent.finish();
    let config = config.map(|config| AgentConfig {
        health_checks,
        ..config
    });
    (config, plugins)
}

fn read_agent(agent: &Section<'_>, flags: &AgentFlags) -> Option<AgentConfig> {
    let layers = Layers::new(agent);
    pending::refuse(agent, PENDING);
    unread(agent);
    let log = log::read(&layers, log_flags(flags));
    let sds = sds(agent);
    let bundle_source = bootstrap::bundle_source(&layers, flags);
    bootstrap::rebootstrap(&layers, flags);
    let join_token = identity::join_token(&layers, flags);
    let Experimental {
        sync_interval,
        use_sync_authorized_entries,
        jwt_svid_cache_hit_timeout,
    } = experimental::read(agent);
    let data_dir = layers.text("data_dir", Some(("-dataDir", &flags.data_dir)));
    let socket_path = layers.text("socket_path", Some(("-socketPath", &flags.socket_path)));
    let trust_domain = identity::trust_domain(&layers, &flags.trust_domain);
    let server_address = server_address(&layers, flags);
    let server_port = server_port(&layers, flags);
    let config = AgentConfig {
        socket_path: absolute(Path::new(or(&socket_path, DEFAULT_SOCKET_PATH))),
        data_dir: or(&data_dir, DEFAULT_DATA_DIR).into(),
        join_token,
        workload_key_type: workload_key_type(&layers),
        x509_svid_cache_max_size: cache_size(&layers, "x509_svid_cache_max_size"),
        jwt_svid_cache_max_size: cache_size(&layers, "jwt_svid_cache_max_size"),
        disable_workload_api: layers.bool("disable_workload_api", flags.disable_workload_api),
        disable_sds_api: layers.bool("disable_sds_api", flags.disable_sds_api),
        allow_unauthenticated_verifiers: layers.bool(
            "allow_unauthenticated_verifiers",
            flags.allow_unauthenticated_verifiers,
        ),
        sds,
        sync_interval,
        use_sync_authorized_entries,
        jwt_svid_cache_hit_timeout,
        log,
        health_checks: None,
        plugins: Vec::new(),
        warnings: Vec::new(),
        // Last, so that everything else was read, and thereby known, before this may give up.
        trust_domain: trust_domain?,
        server_address: server_address?,
        server_port: server_port?,
        bundle_source: bundle_source?,
    };
    Some(config)
}

/// Keys whose values are checked and then need nothing done: settings of what is off.
fn unread(agent: &Section<'_>) {
    agent.int("profiling_port");
    agent.int("profiling_freq");
    agent.strings("profiling_names");
}

fn log_flags(flags: &AgentFlags) -> log::LogFlags<'_> {
    log::LogFlags {
        level: &flags.log_level,
        format: &flags.log_format,
        file: &flags.log_file,
        source_location: flags.log_source_location,
    }
}

fn or<'w>(written: &'w Option<Written<String>>, default: &'w str) -> &'w str {
    written.as_ref().map_or(default, |written| &written.value)
}

fn server_address(layers: &Layers<'_, '_>, flags: &AgentFlags) -> Option<String> {
    let written = layers.text(
        "server_address",
        Some(("-serverAddress", &flags.server_address)),
    );
    if written.is_none() {
        layers.section().missing("server_address");
    }
    written.map(|address| address.value.trim_matches(['[', ']']).to_owned())
}

fn server_port(layers: &Layers<'_, '_>, flags: &AgentFlags) -> Option<u16> {
    let present = layers.section().has("server_port");
    let written = layers.int("server_port", Some(("-serverPort", &flags.server_port)));
    if written.is_none() && (!present || layers.section().int("server_port") == Some(0)) {
        layers.section().missing("server_port");
    }
    layers.parsed(written, |port| {
        u16::try_from(*port)
            .map_err(|_| format!("server_port: {port} is not a port; use 1 to 65535"))
    })
}

fn workload_key_type(layers: &Layers<'_, '_>) -> KeyType {
    let written = layers.text("workload_x509_svid_key_type", None);
    let parsed = layers.parsed(written, |name| {
        KeyType::from_name(&name.to_lowercase())
            .filter(|key_type| *key_type != KeyType::Rsa4096)
            .ok_or_else(|| {
                format!("key type {name:?} is unknown; must be one of [rsa-2048, ec-p256, ec-p384]")
            })
    });
    parsed.unwrap_or(KeyType::EcP256)
}

fn cache_size(layers: &Layers<'_, '_>, key: &'static str) -> usize {
    let parsed = layers.parsed(layers.int(key, None), |size| {
        usize::try_from(*size).map_err(|_| format!("{key} should not be negative"))
    });
    parsed.unwrap_or(DEFAULT_CACHE_SIZE)
}

fn sds(agent: &Section<'_>) -> SdsNames {
    let defaults = SdsNames::default();
    let Some(section) = agent.section("sds") else {
        return defaults;
    };
    let name = |key: &str, default: String| match section.string(key) {
        Some(name) if !name.is_empty() => {
            if name != default {
                let message = format!("{key} is not supported yet (Envoy's SDS)");
                section.tell(key, message, Kind::Unsupported);
            }
            name
        }
        _ => default,
    };
    let names = SdsNames {
        svid: name("default_svid_name", defaults.svid),
        bundle: name("default_bundle_name", defaults.bundle),
        all_bundles: name("default_all_bundles_name", defaults.all_bundles),
        disable_spiffe_cert_validation: section
            .bool("disable_spiffe_cert_validation")
            .unwrap_or(false),
    };
    pending::refuse(&section, PENDING);
    if names.bundle == names.all_bundles {
        section.warn(
            "default_all_bundles_name",
            "the same as default_bundle_name, and therefore ignored; use two different names",
        );
    }
    section.finish_tolerant();
    names
}
