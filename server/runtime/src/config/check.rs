//! From what is written to what is meant.

use std::path::Path;

use steeple_config::{Layers, PluginConfig, absolute, health, log, pending, plugins, telemetry};
use steeple_hcl::{OwnedSection, Section, empty};

use super::ServerFlags;
use super::experimental;
use super::federation;
use super::identity;
use super::keys;
use super::lifetimes::{self, Lifetimes};
use super::pending::PENDING;
use super::settings::{BindAddress, CaSubject, RateLimits, ServerConfig};

const DEFAULT_SOCKET_PATH: &str = "/tmp/spire-server/private/api.sock";
const DEFAULT_HOST: &str = "0.0.0.0";
const DEFAULT_PORT: u16 = 8081;

/// Reads a whole document: the settings, none only if something is wrong, which the report then
/// says; and the plugin blocks.
pub(super) fn root(
    root: &Section<'_>,
    flags: &ServerFlags,
) -> (Option<ServerConfig>, Vec<PluginConfig>) {
    let nothing: OwnedSection = empty("server");
    let server = match root.section("server") {
        Some(server) => server,
        None => nothing.section(root.report()),
    };
    let plugins = plugins::read(root);
    let health_checks = health::read(root);
    telemetry::read(root);
    root.finish();

    let config = read_server(&server, flags);
    server.finish();
    let config = config.map(|config| ServerConfig {
        health_checks,
        ..config
    });
    (config, plugins)
}

fn read_server(server: &Section<'_>, flags: &ServerFlags) -> Option<ServerConfig> {
    let layers = Layers::new(server);
    pending::refuse(server, PENDING);
    federation::check(server);
    unread(server);
    let agent_spiffe_id_as_selector = experimental::check(server);
    let log = log::read(&layers, log_flags(flags));
    let bind = bind(&layers, flags);
    let socket_path = layers.text("socket_path", Some(("-socketPath", &flags.socket_path)));
    let data_dir = layers.text("data_dir", Some(("-dataDir", &flags.data_dir)));
    if data_dir.is_none() {
        server.missing("data_dir");
    }
    let trust_domain = identity::trust_domain(&layers, &flags.trust_domain);
    let Lifetimes {
        ca_ttl,
        agent_ttl,
        default_x509_svid_ttl,
        default_jwt_svid_ttl,
    } = lifetimes::read(server);
    let (ca_key_type, jwt_key_type) = keys::read(&layers);
    let config = ServerConfig {
        socket_path: absolute(Path::new(
            socket_path
                .as_ref()
                .map_or(DEFAULT_SOCKET_PATH, |w| &w.value),
        )),
        ca_key_type,
        jwt_key_type,
        ca_subject: ca_subject(server),
        ca_ttl,
        agent_ttl,
        default_x509_svid_ttl,
        default_jwt_svid_ttl,
        disable_jwt_svids: layers.bool("disable_jwt_svids", false),
        jwt_issuer: layers.text("jwt_issuer", None).map(|issuer| issuer.value),
        ratelimit: rate_limits(server),
        admin_ids: identity::admin_ids(server),
        audit_log_enabled: layers.bool("audit_log_enabled", false),
        agent_spiffe_id_as_selector,
        log,
        health_checks: None,
        plugins: Vec::new(),
        warnings: Vec::new(),
        // Last, so that everything else was read, and thereby known, before this may give up.
        trust_domain: trust_domain?,
        bind: bind?,
        data_dir: data_dir?.value.into(),
    };
    Some(config)
}

/// Keys whose values are checked and then need nothing done: settings of what is off.
fn unread(server: &Section<'_>) {
    server.int("prune_attested_nodes_batch_size");
    server.bool("prune_tofu_nodes");
    server.int("profiling_port");
    server.int("profiling_freq");
    server.strings("profiling_names");
    if server
        .duration("max_attested_node_info_staleness")
        .is_some()
    {
        server.warn(
            "max_attested_node_info_staleness",
            "no effect here: what is known of attested nodes is always current",
        );
    }
}

fn log_flags(flags: &ServerFlags) -> log::LogFlags<'_> {
    log::LogFlags {
        level: &flags.log_level,
        format: &flags.log_format,
        file: &flags.log_file,
        source_location: flags.log_source_location,
    }
}

fn bind(layers: &Layers<'_, '_>, flags: &ServerFlags) -> Option<BindAddress> {
    let host = layers.text("bind_address", Some(("-bindAddress", &flags.bind_address)));
    let host = host.map_or(DEFAULT_HOST.to_owned(), |host| host.value);
    let port = match layers.int("bind_port", Some(("-serverPort", &flags.server_port))) {
        Some(port) => layers.parsed(Some(port), |port| {
            u16::try_from(*port)
                .map_err(|_| format!("bind_port: {port} is not a port; use 1 to 65535"))
        })?,
        None => DEFAULT_PORT,
    };
    Some(BindAddress {
        host: host.trim_matches(['[', ']']).to_owned(),
        port,
    })
}

fn ca_subject(server: &Section<'_>) -> CaSubject {
    let Some(section) = server.section("ca_subject") else {
        return CaSubject::default();
    };
    let subject = CaSubject {
        country: section.strings("country").unwrap_or_default(),
        organization: section.strings("organization").unwrap_or_default(),
        common_name: section.string("common_name").unwrap_or_default(),
    };
    section.finish();
    let empty = subject.country.is_empty() && subject.organization.is_empty();
    if empty && subject.common_name.is_empty() {
        server.warn("ca_subject", "set but empty; the default is used");
        return CaSubject::default();
    }
    subject
}

fn rate_limits(server: &Section<'_>) -> RateLimits {
    let Some(section) = server.section("ratelimit") else {
        return RateLimits::default();
    };
    let limits = RateLimits {
        attestation: section.bool("attestation").unwrap_or(true),
        signing: section.bool("signing").unwrap_or(true),
    };
    section.finish();
    limits
}
