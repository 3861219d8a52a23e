//! What all this says, line by line.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use steeple_hcl::Source;
use steeple_spiffe::key::KeyType;
use steeple_telemetry::{Format, Level};

use super::{AgentConfig, AgentFlags, BundleFormat, BundleSource, ConfigErrors, SdsNames};
use super::{check, load};

const PLUGINS: &str = "plugins {\n  KeyManager \"memory\" {}\n}\n";

fn read(text: &str, flags: &AgentFlags) -> Result<AgentConfig, ConfigErrors> {
    let source = Source {
        name: "agent.conf".to_owned(),
        text: text.to_owned(),
    };
    check(&steeple_hcl::parse(&source).unwrap(), flags)
}

/// A sound configuration with these lines in `agent`.
fn sound(lines: &str) -> AgentConfig {
    read(&full(lines), &AgentFlags::default()).unwrap_or_else(|error| panic!("{error}"))
}

/// What is wrong with these lines in `agent`, each mistake on a line, the first of them line 5.
fn wrong(lines: &str) -> Vec<String> {
    let error = read(&full(lines), &AgentFlags::default()).unwrap_err();
    error.problems().iter().map(ToString::to_string).collect()
}

fn full(lines: &str) -> String {
    format!(
        "agent {{\ntrust_domain = \"example.org\"\nserver_address = \"server\"\n\
         server_port = 8081\n{lines}\n}}\n{PLUGINS}"
    )
}

const INSECURE: &str = "insecure_bootstrap = true\n";

fn insecurely(lines: &str) -> String {
    format!("{INSECURE}{lines}")
}

#[test]
fn defaults_are_spires() {
    let config = sound(INSECURE);
    assert_eq!(config.trust_domain.as_str(), "example.org");
    assert_eq!(
        (config.server_address.as_str(), config.server_port),
        ("server", 8081)
    );
    assert_eq!(
        config.socket_path,
        Path::new("/tmp/spire-agent/public/api.sock")
    );
    assert_eq!(config.data_dir, Path::new("."));
    assert_eq!(config.bundle_source, BundleSource::Insecure);
    assert_eq!(config.workload_key_type, KeyType::EcP256);
    assert_eq!(
        (
            config.x509_svid_cache_max_size,
            config.jwt_svid_cache_max_size
        ),
        (1000, 1000)
    );
    assert_eq!(config.sds, SdsNames::default());
    assert_eq!(
        (config.log.level, config.log.format),
        (Level::Info, Format::Default)
    );
    assert!(config.join_token.is_none() && config.sync_interval.is_none());
    assert!(config.use_sync_authorized_entries && config.jwt_svid_cache_hit_timeout.is_none());
    assert!(!config.disable_workload_api && !config.disable_sds_api);
    assert!(!config.allow_unauthenticated_verifiers);
    assert!(config.health_checks.is_none() && config.warnings.is_empty());
}

#[test]
fn everything_can_be_set() {
    let config = sound(
        r#"trust_bundle_path = "b.json" trust_bundle_format = "spiffe"
        data_dir = "d" socket_path = "s" join_token = "t" workload_x509_svid_key_type = "rsa-2048"
        x509_svid_cache_max_size = 5 jwt_svid_cache_max_size = "6" disable_sds_api = true
        disable_workload_api = true allow_unauthenticated_verifiers = true
        log_level = "trace" log_format = "text"
        rebootstrap_mode = "never" rebootstrap_delay = "1m"
        sds { default_svid_name = "default" default_bundle_name = "" }
        experimental { sync_interval = "1s" use_sync_authorized_entries = false
            jwt_svid_cache_hit_timeout = "10s" ratelimit { fetch_x509_svid = 0 } }"#,
    );
    let source = BundleSource::File {
        path: "b.json".into(),
        format: BundleFormat::Spiffe,
    };
    assert_eq!(config.bundle_source, source);
    assert_eq!(config.data_dir, Path::new("d"));
    assert_eq!(
        config.socket_path,
        std::env::current_dir().unwrap().join("s")
    );
    assert_eq!(config.join_token.as_deref(), Some("t"));
    assert_eq!(config.workload_key_type, KeyType::Rsa2048);
    assert_eq!(
        (
            config.x509_svid_cache_max_size,
            config.jwt_svid_cache_max_size
        ),
        (5, 6)
    );
    assert!(config.disable_sds_api && config.disable_workload_api);
    assert!(config.allow_unauthenticated_verifiers);
    assert_eq!(config.sync_interval, Some(Duration::from_secs(1)));
    assert!(!config.use_sync_authorized_entries);
    assert_eq!(
        config.jwt_svid_cache_hit_timeout,
        Some(Duration::from_secs(10))
    );
    assert_eq!(
        config.warnings,
        [
            "agent.conf:12:9: agent: experimental: experimental features have been enabled; they \
             may change or go without notice",
            "agent.conf:12:45: agent.experimental: use_sync_authorized_entries: deprecated; leave \
             it out",
        ]
    );
}

#[test]
fn flags_win_and_can_be_enough() {
    let flags = AgentFlags {
        server_address: Some("[::1]".to_owned()),
        server_port: Some(9),
        trust_domain: Some("flag.org".to_owned()),
        insecure_bootstrap: true,
        join_token: Some("t".to_owned()),
        log_level: Some("error".to_owned()),
        disable_sds_api: true,
        ..AgentFlags::default()
    };
    let config = read(PLUGINS, &flags).unwrap();
    assert_eq!(
        (config.server_address.as_str(), config.server_port),
        ("::1", 9)
    );
    assert_eq!(config.log.level, Level::Error);
    assert!(config.disable_sds_api);
    let config = read(&full(""), &flags).unwrap();
    assert_eq!(
        (config.trust_domain.as_str(), config.server_port),
        ("flag.org", 9)
    );
}

#[test]
fn what_must_be_there_is_asked_for_at_once() {
    let error = read("", &AgentFlags::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "5 mistakes in the configuration\n  \
         agent.conf: plugins section must be configured\n  \
         agent: trust_bundle_path, trust_bundle_url, or trust_bundle_spiffe_workload_api must be \
         configured unless insecure_bootstrap is set\n  \
         agent: trust_domain must be configured\n  \
         agent: server_address must be configured\n  \
         agent: server_port must be configured"
    );
}

#[test]
fn unknown_keys_are_refused_with_their_place_and_a_suggestion() {
    let lines = "insecure_bootstrap = true\nsocket_pth = \"x\"\nsds { x = 1 }\n\
                 experimental { y = 1 ratelimit { fetch_x509_svd = 1 } }";
    let error = read(&full(lines), &AgentFlags::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "unknown configuration detected\n  \
         agent.conf:6:1: agent: unknown key \"socket_pth\"; did you mean \"socket_path\"?\n  \
         agent.conf:8:34: agent.experimental.ratelimit: unknown key \"fetch_x509_svd\"; did you \
         mean \"fetch_x509_svid\"?"
    );
    let config = sound(&insecurely("sds { x = 1 }\nexperimental { y = 1 }"));
    assert_eq!(
        config.warnings[0],
        "agent.conf:6:7: agent.sds: unknown key \"x\", ignored"
    );
}

#[test]
fn bad_values_are_told_all_at_once() {
    let lines = wrong(
        "insecure_bootstrap = true\nx509_svid_cache_max_size = -1\n\
         workload_x509_svid_key_type = \"rsa-4096\"\ntrust_bundle_format = \"der\"\n\
         rebootstrap_mode = \"sometimes\"\nrebootstrap_delay = \"soon\"\n\
         experimental {\njwt_svid_cache_hit_timeout = \"30s\"\nsync_interval = 5\n}\n",
    );
    assert_eq!(
        lines,
        [
            "agent.conf:6:1: agent: x509_svid_cache_max_size should not be negative",
            "agent.conf:7:1: agent: key type \"rsa-4096\" is unknown; must be one of [rsa-2048, \
             ec-p256, ec-p384]",
            "agent.conf:8:1: agent: invalid value for trust_bundle_format \"der\", expected \
             \"pem\" or \"spiffe\"",
            "agent.conf:9:1: agent: unknown rebootstrap mode specified: sometimes",
            "agent.conf:10:1: agent: error parsing rebootstrap delay duration: time: invalid \
             duration \"soon\"",
            "agent.conf:12:1: agent.experimental: jwt_svid_cache_hit_timeout (30s) must be less \
             than 30s",
            "agent.conf:13:1: agent.experimental: sync_interval: time: missing unit in duration \
             \"5\"; write one like \"30s\", \"5m\" or \"1h30m\"",
        ]
    );
    let lines = wrong(&insecurely(
        "experimental { jwt_svid_cache_hit_timeout = \"4s\" }",
    ));
    assert!(lines[0].ends_with("jwt_svid_cache_hit_timeout (4s) must be greater than 5s"));
}

#[test]
fn the_servers_port_is_a_port() {
    let port = |port: &str| {
        let text = full(INSECURE).replace("8081", port);
        read(&text, &AgentFlags::default()).unwrap_err().to_string()
    };
    let place = "agent.conf:4:1: agent: ";
    assert_eq!(port("0"), format!("{place}server_port must be configured"));
    assert_eq!(
        port("65536"),
        format!("{place}server_port: 65536 is not a port; use 1 to 65535")
    );
    assert_eq!(
        port("\"x\""),
        "agent.conf:4:15: agent: server_port: expected a whole number, found \"x\""
    );
}

#[test]
fn exactly_one_source_of_the_first_bundle() {
    let url = sound("trust_bundle_url = \"https://example.org/bundle\"").bundle_source;
    let expected = BundleSource::Url {
        url: "https://example.org/bundle".to_owned(),
        unix_socket: None,
        format: BundleFormat::Pem,
    };
    assert_eq!(url, expected);
    let socket = "trust_bundle_url = \"http://localhost/b?x=1\"\ntrust_bundle_unix_socket = \"/s\"";
    assert!(matches!(
        sound(socket).bundle_source,
        BundleSource::Url { unix_socket: Some(socket), .. } if socket == Path::new("/s")
    ));
    let path = "trust_bundle_path = \"p\"\n";
    let url = "trust_bundle_url = \"https://h/\"\n";
    let cases = [
        (
            insecurely(path),
            "only one of insecure_bootstrap or trust_bundle_path can be specified, not both",
        ),
        (
            insecurely(url),
            "only one of insecure_bootstrap or trust_bundle_url can be specified, not both",
        ),
        (
            format!("{INSECURE}{path}{url}"),
            "only one of insecure_bootstrap, trust_bundle_url, or trust_bundle_path can be \
             specified, not the three options",
        ),
        (
            format!("{path}{url}"),
            "only one of trust_bundle_url or trust_bundle_path can be specified, not both",
        ),
        (
            format!("{path}trust_bundle_unix_socket = \"/s\""),
            "if trust_bundle_unix_socket is specified, so must be trust_bundle_url",
        ),
        (
            "trust_bundle_url = \"http://h/\"".to_owned(),
            "trust bundle URL must start with https://: \"http://h/\"",
        ),
        (
            "trust_bundle_url = \"https:///b\"".to_owned(),
            "unable to parse trust bundle URL: \"https:///b\" names no host",
        ),
        (
            format!("{url}trust_bundle_unix_socket = \"/s\""),
            "trust bundle URL must start with http:// when used with trust bundle unix socket: \
             \"https://h/\"",
        ),
        (
            socket.replace("x=1", "x=1&spire-y=2"),
            "trust_bundle_url query params can not start with spire-",
        ),
    ];
    for (lines, expected) in cases {
        let found = wrong(&lines);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].ends_with(expected), "{found:?}");
    }
}

#[test]
fn a_join_token_is_given_once() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("token");
    fs::write(&file, " abc \n").unwrap();
    let line = format!("join_token_file = {file:?}\n");
    assert_eq!(sound(&insecurely(&line)).join_token.as_deref(), Some("abc"));

    let both = wrong(&insecurely(&format!("{line}join_token = \"x\"")));
    assert_eq!(
        both,
        [
            "agent.conf:7:1: agent: only one of join_token or join_token_file can be specified, \
             not both"
        ]
    );
    fs::write(&file, "\n").unwrap();
    let empty = wrong(&insecurely(&line));
    assert!(empty[0].contains("join token file is empty"), "{empty:?}");
    fs::remove_file(&file).unwrap();
    let gone = wrong(&insecurely(&line));
    assert!(
        gone[0].contains("unable to read join token file"),
        "{gone:?}"
    );
}

#[test]
fn what_does_not_exist_yet_is_refused_by_name() {
    let lines = wrong(&insecurely(
        "admin_socket_path = \"/a\"\nauthorized_delegates = [\"spiffe://example.org/d\"]\n\
         availability_target = \"24h\"\nallowed_foreign_jwt_claims = [\"c\"]\n\
         trust_bundle_spiffe_workload_api = \"unix:///s\"\nprofiling_enabled = true\n\
         rebootstrap_mode = \"auto\"\n\
         sds { default_svid_name = \"x\" disable_spiffe_cert_validation = true }\n\
         experimental { require_pq_kem = true broker {} ratelimit { fetch_jwt_svid = 1 } }",
    ));
    let names = [
        "admin_socket_path",
        "authorized_delegates",
        "availability_target",
        "allowed_foreign_jwt_claims",
        "trust_bundle_spiffe_workload_api",
        "profiling_enabled",
        "rebootstrap_mode \"auto\"",
        "default_svid_name",
        "disable_spiffe_cert_validation",
        "require_pq_kem",
        "broker",
        "fetch_jwt_svid",
    ];
    assert_eq!(lines.len(), names.len(), "{lines:#?}");
    for (line, name) in lines.iter().zip(names) {
        assert!(
            line.contains(&format!(": {name} is not supported yet (")),
            "{line}"
        );
    }
}

#[test]
fn what_does_not_exist_yet_may_be_switched_off() {
    let config = sound(&insecurely(
        "admin_socket_path = \"\"\nauthorized_delegates = []\navailability_target = \"\"\n\
         allowed_foreign_jwt_claims = []\nprofiling_enabled = false\n\
         trust_bundle_spiffe_workload_api = \"\"\n\
         sds { disable_spiffe_cert_validation = false default_all_bundles_name = \"ALL\" }",
    ));
    assert_eq!(config.warnings, [""; 0]);
    let lines = wrong(&insecurely(
        "experimental { ratelimit { stream_secrets = -1 } }",
    ));
    assert!(
        lines[0].ends_with("stream_secrets: must not be negative"),
        "{lines:?}"
    );
}

/// The listing of the agent's configuration in the article that this project follows.
fn seed() -> Option<String> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let shared = std::env::var_os("STEEPLE_SHARED").map_or(default.into(), PathBuf::from);
    let mut article = std::fs::read_dir(shared.join("seeds")).ok()?.flatten();
    let article = article.find(|file| file.file_name().to_string_lossy().starts_with("002_"))?;
    let article = std::fs::read_to_string(article.path()).ok()?;
    let start = article.find("```\nagent {")? + 4;
    let length = article[start..].find("```")?;
    Some(article[start..start + length].to_owned())
}

#[test]
fn the_seeds_configuration_is_read_as_printed() {
    let Some(text) = seed() else {
        eprintln!("NOT TESTED: no seeds; set STEEPLE_SHARED to the folder that has them");
        return;
    };
    let config = read(&text, &AgentFlags::default()).unwrap();
    assert_eq!(config.trust_domain.as_str(), "misaac.me");
    assert_eq!(config.server_address, "spire.misaac.me");
    assert_eq!((config.server_port, config.log.level), (8081, Level::Debug));
    assert_eq!(config.bundle_source, BundleSource::Insecure);
    let names: Vec<&str> = config.plugins.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["join_token", "disk", "unix"]);
    assert_eq!(config.warnings, [""; 0]);
}

#[test]
fn a_site_with_a_bundle_in_a_file() {
    let text = r#"
        agent {
            data_dir = "./data/agent"
            log_level = "DEBUG"
            trust_domain = "example.org"
            server_address = "localhost"
            server_port = 8081
            trust_bundle_path = "./conf/agent/root.crt" # from the server's administrator
        }
        plugins {
            NodeAttestor "join_token" { plugin_data {} }
            KeyManager "disk" { plugin_data { directory = "./data/agent" } }
            WorkloadAttestor "unix" { plugin_data {} }
        }
    "#;
    let config = read(text, &AgentFlags::default()).unwrap();
    let source = BundleSource::File {
        path: "./conf/agent/root.crt".into(),
        format: BundleFormat::Pem,
    };
    assert_eq!((config.bundle_source, config.plugins.len()), (source, 3));
}

#[test]
fn the_file_is_found_by_its_flag() {
    let flags = AgentFlags {
        config: Some("/nowhere/agent.conf".into()),
        ..AgentFlags::default()
    };
    assert_eq!(
        load(&flags).unwrap_err().to_string(),
        "could not find config file /nowhere/agent.conf: please use the -config flag"
    );
}
