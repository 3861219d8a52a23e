//! What all this says, line by line.

use std::path::{Path, PathBuf};
use std::time::Duration;

use steeple_hcl::Source;
use steeple_plugin_sdk::keymanager::KeyType;
use steeple_telemetry::{Format, Level};

use super::{CaSubject, ConfigErrors, RateLimits, ServerConfig, ServerFlags, check, load};

const HOUR: Duration = Duration::from_secs(3600);

/// The least that a server needs.
const PLUGINS: &str = "plugins {\n  KeyManager \"memory\" {}\n}\n";

fn read(text: &str, flags: &ServerFlags) -> Result<ServerConfig, ConfigErrors> {
    let source = Source {
        name: "server.conf".to_owned(),
        text: text.to_owned(),
    };
    check(&steeple_hcl::parse(&source).unwrap(), flags)
}

/// A sound configuration with these lines in `server`.
fn sound(lines: &str) -> ServerConfig {
    read(&full(lines), &ServerFlags::default()).unwrap_or_else(|error| panic!("{error}"))
}

/// What is wrong with these lines in `server`, each mistake on a line, the first of them line 4.
fn wrong(lines: &str) -> Vec<String> {
    let error = read(&full(lines), &ServerFlags::default()).unwrap_err();
    error.problems().iter().map(ToString::to_string).collect()
}

fn full(lines: &str) -> String {
    format!("server {{\ntrust_domain = \"example.org\"\ndata_dir = \"d\"\n{lines}\n}}\n{PLUGINS}")
}

#[test]
fn defaults_are_spires() {
    let config = sound("");
    assert_eq!(config.trust_domain.as_str(), "example.org");
    assert_eq!(
        (config.bind.host.as_str(), config.bind.port),
        ("0.0.0.0", 8081)
    );
    assert_eq!(
        config.socket_path,
        Path::new("/tmp/spire-server/private/api.sock")
    );
    assert_eq!(config.data_dir, Path::new("d"));
    assert_eq!(
        (config.ca_key_type, config.jwt_key_type),
        (KeyType::EcP256, KeyType::EcP256)
    );
    assert_eq!(config.ca_subject, CaSubject::default());
    assert_eq!((config.ca_ttl, config.agent_ttl), (HOUR * 24, None));
    assert_eq!(config.default_x509_svid_ttl, HOUR);
    assert_eq!(config.default_jwt_svid_ttl, HOUR / 12);
    assert_eq!(config.ratelimit, RateLimits::default());
    assert_eq!(
        (config.log.level, config.log.format),
        (Level::Info, Format::Default)
    );
    assert!(config.jwt_issuer.is_none() && config.admin_ids.is_empty());
    assert!(!config.disable_jwt_svids && !config.agent_spiffe_id_as_selector);
    assert!(config.health_checks.is_none() && config.warnings.is_empty());
    assert_eq!(config.plugins.len(), 1);
}

#[test]
fn everything_can_be_set() {
    let config = sound(
        r#"
        Bind_Address = "[::1]" bind_port = "0x1F91"
        socket_path = "sock" ca_key_type = "RSA-2048" jwt_key_type = "ec-p384"
        ca_subject { organization = ["Org"] common_name = "name" }
        ca_ttl = "168h" agent_ttl = "2h" default_x509_svid_ttl = "90m" default_jwt_svid_ttl = "1m"
        disable_jwt_svids = true jwt_issuer = "https://issuer"
        ratelimit { attestation = false }
        admin_ids = ["spiffe://example.org/admin", "spiffe://other.org/admin"]
        log_level = "warn" log_format = "JSON" log_file = "l" log_source_location = true
        experimental { agent_spiffe_id_as_selector = true }
        "#,
    );
    assert_eq!((config.bind.host.as_str(), config.bind.port), ("::1", 8081));
    assert_eq!(
        config.socket_path,
        std::env::current_dir().unwrap().join("sock")
    );
    assert_eq!(
        (config.ca_key_type, config.jwt_key_type),
        (KeyType::Rsa2048, KeyType::EcP384)
    );
    let subject = CaSubject {
        country: Vec::new(),
        organization: vec!["Org".to_owned()],
        common_name: "name".to_owned(),
    };
    assert_eq!(config.ca_subject, subject);
    assert_eq!(
        (config.ca_ttl, config.agent_ttl),
        (HOUR * 168, Some(HOUR * 2))
    );
    assert_eq!(config.default_x509_svid_ttl, HOUR * 3 / 2);
    assert_eq!(config.default_jwt_svid_ttl, HOUR / 60);
    assert!(config.disable_jwt_svids && config.agent_spiffe_id_as_selector);
    assert_eq!(config.jwt_issuer.as_deref(), Some("https://issuer"));
    assert_eq!(
        (config.ratelimit.attestation, config.ratelimit.signing),
        (false, true)
    );
    assert_eq!(config.admin_ids.len(), 2);
    assert_eq!(
        (config.log.level, config.log.format),
        (Level::Warning, Format::Json)
    );
    assert!(config.log.source_location && config.log.file.is_some());
    assert_eq!(
        config.warnings,
        [
            "server.conf:13:9: server: experimental: experimental features have been enabled; \
             they may change or go without notice"
        ]
    );
}

#[test]
fn flags_win_and_zero_values_count_for_nothing() {
    let flags = ServerFlags {
        bind_address: Some("127.0.0.1".to_owned()),
        server_port: Some(0),
        data_dir: Some("flag".to_owned()),
        trust_domain: Some(String::new()),
        log_level: Some("debug".to_owned()),
        ..ServerFlags::default()
    };
    let text = full("bind_address = \"1.2.3.4\"\nbind_port = 9\nlog_level = \"error\"");
    let config = read(&text, &flags).unwrap();
    assert_eq!(
        (config.bind.host.as_str(), config.bind.port),
        ("127.0.0.1", 9)
    );
    assert_eq!(config.data_dir, Path::new("flag"));
    assert_eq!(config.trust_domain.as_str(), "example.org");
    assert_eq!(config.log.level, Level::Debug);
    assert_eq!(sound("bind_port = 0\nbind_address = \"\"").bind.port, 8081);
}

#[test]
fn flags_alone_can_be_enough() {
    let flags = ServerFlags {
        data_dir: Some("d".to_owned()),
        trust_domain: Some("spiffe://example.org".to_owned()),
        ..ServerFlags::default()
    };
    let config = read(PLUGINS, &flags).unwrap();
    assert_eq!(config.trust_domain.as_str(), "example.org");
}

#[test]
fn what_must_be_there_is_asked_for_at_once() {
    let error = read("", &ServerFlags::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "3 mistakes in the configuration\n  \
         server.conf: plugins section must be configured\n  \
         server: data_dir must be configured\n  \
         server: trust_domain must be configured"
    );
}

#[test]
fn unknown_keys_are_refused_with_their_place_and_a_suggestion() {
    let text = "srever {}\nserver {\n  trust_domain = \"example.org\"\n  data_dir = \"d\"\n  \
                bind_prot = 1\n  \"quoted\" = 1\n  ca_subject { comon_name = \"x\" }\n  \
                ratelimit { x = true }\n}\nplugins {}\nhealth_checks { reddy_path = \"/\" }\n";
    let error = read(text, &ServerFlags::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "unknown configuration detected\n  \
         server.conf:1:1: unknown key \"srever\"; did you mean \"server\"?\n  \
         server.conf:5:3: server: unknown key \"bind_prot\"; did you mean \"bind_port\"?\n  \
         server.conf:7:16: server.ca_subject: unknown key \"comon_name\"; did you mean \
         \"common_name\"?\n  \
         server.conf:8:15: server.ratelimit: unknown key \"x\"\n  \
         server.conf:11:17: health_checks: unknown key \"reddy_path\"; did you mean \
         \"ready_path\"?"
    );
}

#[test]
fn where_spire_ignores_a_key_it_is_only_warned_about() {
    let config = sound(
        "experimental { cache_reload_intervall = \"5s\" }\nfederation { x = 1 }\n\"quoted\" = 1",
    );
    assert_eq!(
        config.warnings[1..],
        [
            "server.conf:4:16: server.experimental: unknown key \"cache_reload_intervall\", \
             ignored; did you mean \"cache_reload_interval\"?",
            "server.conf:5:14: server.federation: unknown key \"x\", ignored",
            "server.conf:6:1: server: unknown key \"quoted\"",
        ]
    );
}

#[test]
fn bad_values_are_told_all_at_once() {
    let lines = wrong(
        "bind_port = 70000\nca_key_type = \"dsa\"\nca_ttl = \"1 h\"\nagent_ttl = \"-1h\"\n\
         default_x509_svid_ttl = \"0s\"\nadmin_ids = [\"nope\"]\nlog_level = \"loud\"\n\
         log_format = \"xml\"\nlog_source_location = \"true\"\nratelimit { signing = 1 }\n\
         ca_subject { country = \"US\" }",
    );
    assert_eq!(
        lines,
        [
            "server.conf:4:1: server: bind_port: 70000 is not a port; use 1 to 65535",
            "server.conf:5:1: server: error parsing ca_key_type: key type \"dsa\" is unknown; must \
             be one of [rsa-2048, rsa-4096, ec-p256, ec-p384]",
            "server.conf:6:1: server: ca_ttl: time: unknown unit \" h\" in duration \"1 h\"; write \
             one like \"30s\", \"5m\" or \"1h30m\"",
            "server.conf:7:1: server: agent_ttl: a duration cannot be negative: \"-1h\"",
            "server.conf:8:1: server: default_x509_svid_ttl: must be more than zero",
            "server.conf:9:1: server: could not parse admin ID \"nope\": scheme is missing or \
             invalid",
            "server.conf:10:1: server: not a valid logrus Level: \"loud\"; use panic, fatal, \
             error, warn, info, debug or trace",
            "server.conf:11:1: server: unknown logger format: \"xml\"; use text or json",
            "server.conf:12:23: server: log_source_location: expected true or false without \
             quotes, found \"true\"",
            "server.conf:13:23: server.ratelimit: signing: expected true or false without quotes, \
             found 1",
            "server.conf:14:24: server.ca_subject: country: expected a list of strings, found a \
             string",
        ]
    );
}

#[test]
fn a_bad_trust_domain_is_explained() {
    let flags = ServerFlags {
        trust_domain: Some("Example.org".to_owned()),
        ..ServerFlags::default()
    };
    let error = read(&full(""), &flags).unwrap_err().to_string();
    let why = "could not parse trust_domain \"Example.org\": trust domain characters are limited";
    assert!(
        error.starts_with(&format!("-trustDomain: {why}")),
        "{error}"
    );
    let long = "a".repeat(256);
    let flags = ServerFlags {
        trust_domain: Some(long),
        ..ServerFlags::default()
    };
    let config = read(&full(""), &flags).unwrap();
    assert!(config.warnings[0].contains("longer than 255 characters"));
}

#[test]
fn what_does_not_exist_yet_is_refused_by_name() {
    let lines = wrong(
        "audit_log_enabled = true\nproxy_protocol_trusted_cidrs = [\"10.0.0.0/8\"]\n\
         prune_attested_nodes_expired_for = \"720h\"\nprofiling_enabled = true\n\
         experimental {\nrequire_pq_kem = true\nauth_opa_policy_engine { local {} }\n\
         feature_flags = [\"wit-svid\"]\nnamed_pipe_name = \"x\"\n}",
    );
    assert_eq!(
        lines,
        [
            "server.conf:4:1: server: audit_log_enabled is not supported yet (the audit log); take \
             it out to go on",
            "server.conf:5:1: server: proxy_protocol_trusted_cidrs is not supported yet (the PROXY \
             protocol); take it out to go on",
            "server.conf:6:1: server: prune_attested_nodes_expired_for is not supported yet \
             (pruning of attested nodes); take it out to go on",
            "server.conf:7:1: server: profiling_enabled is not supported yet (profiling); take it \
             out to go on",
            "server.conf:9:1: server.experimental: require_pq_kem is not supported yet (refusing \
             peers without a post-quantum key exchange); take it out to go on",
            "server.conf:10:1: server.experimental: auth_opa_policy_engine is not supported yet \
             (authorization by an own policy); take it out to go on",
            "server.conf:11:1: server.experimental: feature flag \"wit-svid\" is not supported \
             yet; take it out to go on",
            "server.conf:12:1: server.experimental: invalid configuration: named_pipe_name is not \
             supported in this platform; please use socket_path instead",
        ]
    );
}

#[test]
fn what_does_not_exist_yet_may_be_switched_off() {
    let config = sound(
        "audit_log_enabled = false\nproxy_protocol_trusted_cidrs = []\n\
         prune_attested_nodes_expired_for = \"\"\nprune_tofu_nodes = true\n\
         prune_attested_nodes_batch_size = 10\nprofiling_enabled = false\nprofiling_port = 1\n\
         federation {}\nexperimental {\nrequire_pq_kem = false\nwit_key_type = \"ec-p256\"\n}",
    );
    assert_eq!(config.warnings.len(), 1, "{:?}", config.warnings);
}

#[test]
fn an_index_that_is_always_current_needs_no_cache_settings() {
    let config = sound(
        "max_attested_node_info_staleness = \"1m\"\nexperimental {\nevents_based_cache = true\n\
         cache_reload_interval = \"5s\"\nfull_cache_reload_interval = \"24h\"\n\
         prune_events_older_than = \"12h\"\nevent_timeout = \"15m\"\n}",
    );
    assert_eq!(config.warnings.len(), 7, "{:?}", config.warnings);
    assert_eq!(
        config.warnings[2],
        "server.conf:6:1: server.experimental: events_based_cache: no effect here: the index of \
         entries is always current"
    );
    let lines = wrong(
        "experimental {\nevent_timeout = \"1m\"\nsql_transaction_timeout = \"1m\"\n\
         cache_reload_interval = \"x\"\n}",
    );
    assert_eq!(
        lines,
        [
            "server.conf:6:1: server.experimental: both experimental sql_transaction_timeout and \
             event_timeout set, only set event_timeout",
            "server.conf:7:1: server.experimental: cache_reload_interval: time: invalid duration \
             \"x\"; write one like \"30s\", \"5m\" or \"1h30m\"",
        ]
    );
}

#[test]
fn lifetimes_that_the_ca_cuts_short_are_warned_about() {
    let warnings = |lines: &str| sound(lines).warnings;
    assert_eq!(warnings("default_x509_svid_ttl = \"4h\""), [""; 0]);
    assert_eq!(
        warnings("default_x509_svid_ttl = \"4h1m\""),
        [
            "server.conf:4:1: server: default_x509_svid_ttl: 4h1m is too high for a ca_ttl of \
             24h: SVIDs with shorter lifetimes may be issued when the CA rotates. Set \
             default_x509_svid_ttl to 4h or less, or ca_ttl to 24h6m or more"
        ]
    );
    let month = warnings("agent_ttl = \"720h\"");
    assert!(
        month[0].ends_with(
            "Set agent_ttl to 4h or less; with ca_ttl at 1008h or more up to 168h is possible"
        ),
        "{month:?}"
    );
    let capped = warnings("agent_ttl = \"720h\"\nca_ttl = \"8760h\"");
    assert!(
        capped[0].ends_with("Set agent_ttl to 168h or less"),
        "{capped:?}"
    );
}

#[test]
fn federation_is_checked_before_it_is_refused() {
    let lines = wrong(
        r#"federation {
bundle_endpoint {
address = "0.0.0.0" port = 8443 refresh_hint = "5m"
profile "https_web" { serving_cert_file { cert_file_path = "c" key_file_path = "k" } }
}
federates_with "one.org" { bundle_endpoint_url = "http://x" bundle_endpoint_profile "https_web" {} }
federates_with "two.org" {
bundle_endpoint_url = "https://x"
bundle_endpoint_profile "https_spiffe" { endpoint_spiffe_id = "x" }
}
}"#,
    );
    assert_eq!(
        lines,
        [
            "server.conf:5:1: server.federation: bundle_endpoint is not supported yet \
             (federation); take it out to go on",
            "server.conf:7:23: server.federation.bundle_endpoint.profile \
             \"https_web\".serving_cert_file: file_sync_interval must be configured",
            "server.conf:9:28: server.federation.federates_with \"one.org\": bundle_endpoint_url: \
             must use the HTTPS protocol; URL found: \"http://x\"",
            "server.conf:10:1: server.federation: federates_with is not supported yet \
             (federation); take it out to go on",
            "server.conf:12:42: server.federation.federates_with \
             \"two.org\".bundle_endpoint_profile \"https_spiffe\": could not get endpoint SPIFFE \
             ID: scheme is missing or invalid",
        ]
    );
}

#[test]
fn json_is_read_as_well() {
    let text = r#"{"server": {"trust_domain": "example.org", "data_dir": "d", "bind_port": 9,
        "ca_subject": {"country": ["NL"], "common_name": "x"}, "unknwon": 1},
        "plugins": {"KeyManager": {"memory": {"plugin_data": {}}}}}"#;
    let error = read(text, &ServerFlags::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "unknown configuration detected\n  server.conf:2:64: server: unknown key \"unknwon\""
    );
    let config = read(
        &text.replace(", \"unknwon\": 1", ""),
        &ServerFlags::default(),
    )
    .unwrap();
    assert_eq!((config.bind.port, config.plugins.len()), (9, 1));
    assert_eq!(config.ca_subject.country, ["NL"]);
}

/// The listing of the server's configuration in the article that this project follows.
fn seed() -> Option<String> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let shared = std::env::var_os("STEEPLE_SHARED").map_or(default.into(), PathBuf::from);
    let mut article = std::fs::read_dir(shared.join("seeds")).ok()?.flatten();
    let article = article.find(|file| file.file_name().to_string_lossy().starts_with("002_"))?;
    let article = std::fs::read_to_string(article.path()).ok()?;
    let start = article.find("# server.conf.tftpl")?;
    let length = article[start..].find("```")?;
    Some(article[start..start + length].to_owned())
}

#[test]
fn the_seeds_configuration_is_read_as_printed() {
    let Some(text) = seed() else {
        eprintln!("NOT TESTED: no seeds; set STEEPLE_SHARED to the folder that has them");
        return;
    };
    let config = read(&text, &ServerFlags::default()).unwrap();
    assert_eq!(config.trust_domain.as_str(), "misaac.me");
    assert_eq!(
        (config.bind.port, config.ca_key_type),
        (8081, KeyType::Rsa2048)
    );
    assert_eq!(config.ca_subject.common_name, "misaacspireissued");
    assert_eq!(config.log.level, Level::Debug);
    assert_eq!(config.health_checks.unwrap().address, "0.0.0.0:80");
    let names: Vec<&str> = config.plugins.iter().map(|p| p.name.as_str()).collect();
    let expected = [
        "sql",
        "join_token",
        "disk",
        "awssecret",
        "aws_rolesanywhere_trustanchor",
    ];
    assert_eq!(names, expected);
    let report = steeple_hcl::Report::new();
    let data = config.plugins[3].data.section(&report);
    assert_eq!(data.string("cert_file_arn").as_deref(), Some("${cert_arn}"));
    assert_eq!(config.warnings, [""; 0]);
}

#[test]
fn a_server_on_one_machine_with_a_root_of_its_own() {
    let text = r#"
        server {
            bind_address = "0.0.0.0"
            bind_port = "8081"
            trust_domain = "misaac.me"
            data_dir = "./.data"
            log_level = "DEBUG"
            ca_key_type = "rsa-2048"
        }
        plugins {
            DataStore "sql" {
                plugin_data { database_type = "sqlite3" connection_string = "./.data/d.sqlite3" }
            }
            NodeAttestor "join_token" { plugin_data {} }
            KeyManager "disk" { plugin_data { keys_path = "./.data/keys.json" } }
            UpstreamAuthority "disk" {
                plugin_data { cert_file_path = "root.crt" key_file_path = "root.key", }
            }
        }
        health_checks { listener_enabled = true bind_address = "0.0.0.0" }
    "#;
    let config = read(text, &ServerFlags::default()).unwrap();
    assert_eq!(config.plugins.len(), 4);
    assert_eq!(config.plugins[3].kind, "UpstreamAuthority");
    assert_eq!(config.warnings, [""; 0]);
}

#[test]
fn the_file_is_found_by_its_flag() {
    let flags = ServerFlags {
        config: Some("/nowhere/server.conf".into()),
        ..ServerFlags::default()
    };
    assert_eq!(
        load(&flags).unwrap_err().to_string(),
        "could not find config file /nowhere/server.conf: please use the -config flag"
    );
}
