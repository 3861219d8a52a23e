use std::time::Duration;

use steeple_hcl::Source;
use steeple_telemetry::{Format, Level};

use super::*;

const LEAST: &str = r#"
    domains = ["domain.test"]
    insecure_addr = ":8080"
    server_api { address = "unix:///some/api.sock" }
"#;

fn read(text: &str) -> Result<Config, ConfigErrors> {
    let source = Source {
        name: "oidc.conf".to_owned(),
        text: text.to_owned(),
    };
    check(&steeple_hcl::parse(&source).unwrap())
}

fn refused(text: &str) -> String {
    read(text).unwrap_err().to_string()
}

/// What is said against the smallest configuration with something replaced.
fn without(part: &str, instead: &str) -> String {
    assert!(LEAST.contains(part), "{part}");
    refused(&LEAST.replace(part, instead))
}

#[test]
fn the_least_there_must_be() {
    let config = read(LEAST).unwrap();
    assert_eq!(
        config.site.domains.names().collect::<Vec<_>>(),
        ["domain.test"]
    );
    assert!(
        matches!(&config.listener, ListenerConfig::Insecure(address) if address.to_string() == ":8080")
    );
    assert_eq!(
        config.source.origin,
        Origin::ServerApi("/some/api.sock".into())
    );
    assert_eq!(config.source.poll_interval, Duration::from_secs(10));
    assert_eq!(config.log.level, Level::Info);
    assert_eq!(config.health, None);
    assert!(config.warnings.is_empty() && !config.log_requests);
    assert!(config.site.path_prefix.is_empty());
}

#[test]
fn every_key() {
    let config = read(
        r#"
        domains = ["a.test", "b.test", "a.test"]
        log_level = "debug" log_format = "JSON" log_path = "/var/log/oidc" log_requests = true
        set_key_use = true allow_insecure_scheme = true
        jwt_issuer = "https://a.test/x" jwks_uri = "https://a.test/y" server_path_prefix = "z"
        experimental { listen_named_pipe_name = "" }
        serving_cert_file {
            cert_file_path = "c.pem" key_file_path = "k.pem" addr = "127.0.0.1:9090"
            file_sync_interval = "5m"
        }
        workload_api {
            socket_path = "/some/api.sock" trust_domain = "domain.test" poll_interval = "1h"
            experimental { named_pipe_name = "" }
        }
        health_checks { bind_port = "8009" ready_path = "/r" live_path = "/l" }
    "#,
    )
    .unwrap();
    assert_eq!(config.site.domains.names().count(), 2);
    assert_eq!(config.log.level, Level::Debug);
    assert_eq!(config.log.format, Format::Json);
    assert_eq!(config.log.file, Some("/var/log/oidc".into()));
    assert!(config.log_requests && config.site.set_key_use && config.site.allow_insecure_scheme);
    assert_eq!(config.site.path_prefix, "/z");
    let ListenerConfig::CertFiles(files) = config.listener else {
        panic!()
    };
    assert_eq!(files.address.to_string(), "127.0.0.1:9090");
    assert_eq!(files.interval, Duration::from_secs(300));
    assert_eq!(config.source.poll_interval, Duration::from_secs(3600));
    let health = config.health.unwrap();
    assert_eq!(health.address.to_string(), ":8009");
    assert_eq!(
        (health.ready_path, health.live_path),
        ("/r".to_owned(), "/l".to_owned())
    );
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
}

#[test]
fn defaults_of_the_sections() {
    let config = read(
        r#"
        domains = ["a.test"]
        acme { email = "admin@a.test" tos_accepted = true }
        file { path = "bundle.json" poll_interval = "0s" }
        health_checks {}
    "#,
    )
    .unwrap();
    let ListenerConfig::Acme(acme) = config.listener else {
        panic!()
    };
    assert_eq!(acme.cache_dir, Some("./.acme-cache".into()));
    assert_eq!(
        acme.directory_url,
        "https://acme-v02.api.letsencrypt.org/directory"
    );
    assert_eq!(acme.address.to_string(), ":443");
    assert_eq!(config.source.poll_interval, Duration::from_secs(10));
    let health = config.health.unwrap();
    assert_eq!(health.address.to_string(), ":8008");
    assert_eq!(health.ready_path, "/ready");
}

#[test]
fn an_empty_cache_folder_means_none() {
    let config = read(
        r#"
        domains = ["a.test"]
        acme { email = "admin@a.test" tos_accepted = true cache_dir = "" }
        file { path = "bundle.json" }
    "#,
    )
    .unwrap();
    assert!(matches!(config.listener, ListenerConfig::Acme(acme) if acme.cache_dir.is_none()));
}

#[test]
fn the_old_domain_is_taken_with_a_warning() {
    let old = LEAST.replace(
        "domains = [\"domain.test\"]",
        "domain = \"domain.test\" // The same as my issuer",
    );
    let config = read(&old).unwrap();
    assert!(config.site.domains.allow("domain.test").is_ok());
    let [warning] = config.warnings.as_slice() else {
        panic!("{:?}", config.warnings)
    };
    assert!(warning.contains("write domains = "), "{warning}");
}

#[test]
fn an_issuer_alone_is_warned_about() {
    let config = read(&format!("{LEAST} jwt_issuer = \"https://a.test\"")).unwrap();
    assert!(
        config.warnings[0].contains("it also sets jwks_uri"),
        "{:?}",
        config.warnings
    );
}

#[test]
fn a_misspelt_key_is_refused_with_the_right_one() {
    let error = refused(&format!("{LEAST} set_key_uses = true"));
    assert!(
        error.contains("unknown key \"set_key_uses\"; did you mean \"set_key_use\"?"),
        "{error}"
    );
    let error = without("address =", "adress = \"unix:///x\" address =");
    assert!(
        error.contains("server_api: unknown key \"adress\"; did you mean \"address\"?"),
        "{error}"
    );
}

#[test]
fn domains_are_needed_and_must_be_names() {
    let needed = "at least one domain must be configured";
    assert!(without("domains = [\"domain.test\"]", "").contains(needed));
    assert!(without("domains = [\"domain.test\"]", "domains = []").contains(needed));
    assert!(without("domain.test", "").contains("is not a valid domain name: it is empty"));
    assert!(without("domain.test", "Domain.test").contains("must already be punycode encoded"));
}

#[test]
fn exactly_one_listener() {
    let none =
        "either acme, serving_cert_file, insecure_addr or listen_socket_path must be configured";
    assert!(without("insecure_addr = \":8080\"", "").contains(none));
    let acme = "acme { email = \"a@b.c\" tos_accepted = true }";
    let files = "serving_cert_file { cert_file_path = \"c\" key_file_path = \"k\" }";
    let (insecure, socket) = ("insecure_addr = \":1\"", "listen_socket_path = \"s\"");
    for (one, other, names) in [
        (acme, files, "acme and serving_cert_file"),
        (acme, insecure, "acme and insecure_addr"),
        (acme, socket, "acme and listen_socket_path"),
        (files, insecure, "serving_cert_file and insecure_addr"),
        (files, socket, "serving_cert_file and listen_socket_path"),
        (insecure, socket, "insecure_addr and listen_socket_path"),
    ] {
        let error = without("insecure_addr = \":8080\"", &format!("{one} {other}"));
        assert!(
            error.contains(&format!("{names} are mutually exclusive")),
            "{error}"
        );
    }
}

#[test]
fn exactly_one_source() {
    let source = "server_api { address = \"unix:///some/api.sock\" }";
    let none = "exactly one of the server_api, workload_api, or file sections must be configured";
    assert!(without(source, "").contains(none));
    let two = format!("{source} file {{ path = \"x\" }}");
    let many = "the server_api, workload_api, and file sections are mutually exclusive";
    assert!(without(source, &two).contains(many));
}

#[test]
fn what_sections_need() {
    let source = "server_api { address = \"unix:///some/api.sock\" }";
    let with = |section| without(source, section);
    let needed =
        |key, section| format!("{key} must be configured in the {section} configuration section");
    assert!(with("server_api {}").contains(&needed("address", "server_api")));
    let tcp = with("server_api { address = \"localhost:80\" }");
    assert!(
        tcp.contains("address must use the unix name system"),
        "{tcp}"
    );
    let error = with("workload_api {}");
    assert!(
        error.contains(&needed("socket_path", "workload_api")),
        "{error}"
    );
    assert!(
        error.contains(&needed("trust_domain", "workload_api")),
        "both are told: {error}"
    );
    assert!(with("file {}").contains(&needed("path", "file")));
    let interval = with("file { path = \"x\" poll_interval = \"soon\" }");
    assert!(interval.contains("poll_interval"), "{interval}");
    let listener = |section| without("insecure_addr = \":8080\"", section);
    let error = listener("serving_cert_file { addr = \"localhost\" }");
    assert!(
        error.contains(&needed("cert_file_path", "serving_cert_file")),
        "{error}"
    );
    assert!(error.contains(&needed("key_file_path", "serving_cert_file")));
    assert!(error.contains("\"localhost\" has no port"), "{error}");
    let error = listener("acme {}");
    assert!(error.contains(&needed("email", "acme")), "{error}");
    assert!(
        error.contains("tos_accepted must be set to true"),
        "{error}"
    );
}

#[test]
fn what_does_not_exist_here_is_named() {
    let pipe = format!("{LEAST} experimental {{ listen_named_pipe_name = \"p\" }}");
    assert!(
        refused(&pipe).contains("Windows named pipes"),
        "{}",
        refused(&pipe)
    );
    let old = format!("{LEAST} registration_api {{ socket_path = \"p\" }}");
    assert!(refused(&old).contains("registration_api has been removed; write server_api"));
}
