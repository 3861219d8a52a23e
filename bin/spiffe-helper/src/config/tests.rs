use std::path::PathBuf;

use steeple_hcl::{Source, parse};

use super::{read::check, *};

const X509: &str = r#"
    svid_file_name = "cert.pem"
    svid_key_file_name = "key.pem"
    svid_bundle_file_name = "bundle.pem"
"#;

fn with(text: &str, overrides: &Overrides) -> Result<Loaded, ConfigError> {
    let source = Source {
        name: "helper.conf".to_owned(),
        text: text.to_owned(),
    };
    check(&parse(&source).unwrap(), overrides)
}

fn loaded(text: &str) -> Loaded {
    with(text, &Overrides::default()).unwrap()
}

fn refused(text: &str) -> String {
    let error = with(text, &Overrides::default()).unwrap_err();
    assert_eq!(error.headline(), "invalid configuration");
    error.to_string()
}

#[test]
fn everything_can_be_said() {
    let text = r#"
        agent_address = "/run/a.sock"
        cmd = "hot-restarter.py"
        cmd_args = "start_envoy.sh --now"
        cmd_restart = "on-failure"
        cmd_stop_timeout = "3s"
        pid_file_name = "/run/x.pid"
        cert_dir = "certs"
        renew_signal = "SIGHUP"
        svid_file_name = "svid.pem"
        svid_key_file_name = "svid_key.pem"
        svid_bundle_file_name = "svid_bundle.pem"
        cert_file_mode = 0444
        key_file_mode = "0440"
        jwt_bundle_file_mode = 0640
        jwt_svid_file_mode = 0x100
        add_intermediates_to_bundle = true
        include_federated_domains = true
        omit_expired = true
        file_layout = "plain"
        hint = "internal"
        jwt_bundle_file_name = "jwt_bundle.json"
        jwt_svids = [{
            jwt_audience = "your-audience"
            jwt_extra_audiences = ["extra-1", "extra-2"]
            jwt_svid_file_name = "jwt_svid.token"
        }]
        health_checks {
            listener_enabled = true
            bind_port = "8082"
            readiness_path = "/r"
        }
    "#;
    let Loaded {
        config, warnings, ..
    } = loaded(text);
    assert_eq!(warnings, Vec::<String>::new());
    assert_eq!(config.address, Address::Unix("/run/a.sock".into()));
    assert_eq!(config.hint, "internal");
    assert_eq!(config.renew_signal, Some(Signal::SIGHUP));
    assert_eq!(config.pid_file, Some(PathBuf::from("/run/x.pid")));
    let cmd = config.cmd.unwrap();
    assert_eq!(cmd.program, "hot-restarter.py");
    assert_eq!(cmd.args, ["start_envoy.sh", "--now"]);
    assert_eq!(cmd.restart, Restart::OnFailure);
    assert_eq!(cmd.stop_timeout.as_secs(), 3);
    let x509 = config.x509.unwrap();
    assert_eq!(x509.svid, PathBuf::from("certs/svid.pem"));
    assert_eq!(x509.key, PathBuf::from("certs/svid_key.pem"));
    assert_eq!(x509.bundle, PathBuf::from("certs/svid_bundle.pem"));
    assert_eq!((x509.cert_mode, x509.key_mode), (0o444, 0o440));
    assert!(x509.intermediates_to_bundle && x509.federated && x509.omit_expired);
    assert_eq!(x509.layout, Layout::Plain);
    let bundle = config.jwt_bundle.unwrap();
    assert_eq!(bundle.path, PathBuf::from("certs/jwt_bundle.json"));
    assert_eq!(bundle.mode, 0o640);
    assert_eq!(bundle.format, JwtBundleFormat::Base64);
    let svid = &config.jwt_svids[0];
    assert_eq!(svid.path, PathBuf::from("certs/jwt_svid.token"));
    assert_eq!(svid.mode, 0o400);
    assert_eq!(svid.audience, ["your-audience", "extra-1", "extra-2"]);
    let health = config.health.unwrap();
    assert_eq!(
        (health.port, &*health.live_path, &*health.ready_path),
        (8082, "/live", "/r")
    );
}

#[test]
fn what_is_not_said_has_upstreams_defaults() {
    let config = loaded(X509).config;
    assert_eq!(
        config.address,
        Address::Unix("/tmp/spire-agent/public/api.sock".into())
    );
    assert!(config.daemon);
    assert_eq!(config.cmd, None);
    assert_eq!(config.health, None);
    let x509 = config.x509.unwrap();
    assert_eq!(x509.svid, PathBuf::from("cert.pem"));
    assert_eq!((x509.cert_mode, x509.key_mode), (0o644, 0o600));
    assert_eq!(x509.layout, Layout::Links);
    let health = loaded(&format!(
        "{X509} health_checks {{ listener_enabled = true }}"
    ));
    let health = health.config.health.unwrap();
    assert_eq!((health.port, &*health.ready_path), (8081, "/ready"));
    let health = loaded(&format!(
        "{X509} health_checks {{ bind_port = 1 colour = 2 }}"
    ));
    assert_eq!(health.config.health, None);
    assert!(health.warnings[0].contains("unknown key \"colour\", ignored"));
}

#[test]
fn the_configuration_of_the_walk_through() {
    let text = r#"    agent_address = "/tmp/spire-agent/public/api.sock"
    cmd = "~/aws_signing_helper"
    cmd_args = "serve --certificate /tmp/svid.0.pem --private-key /tmp/svid.0.key --intermediates /tmp/bundle.0.pem"
    cert_dir = "/tmp"
    renew_signal = "SIGUSR1"
    svid_file_name = "svid.0.pem"
    svid_key_file_name = "svid.0.key"
    svid_bundle_file_name = "bundle.0.pem"
    # Add CA with intermediates into Bundle file instead of SVID file,
    # it is the expected behavior in some scenarios like MySQL.
    # Default: false
    add_intermediates_to_bundle = true
    "#;
    let overrides = Overrides {
        home: Some("/home/me".to_owned()),
        ..Overrides::default()
    };
    let Loaded {
        config,
        warnings,
        errors,
    } = with(text, &overrides).unwrap();
    assert_eq!((warnings.len(), errors.len()), (0, 0));
    let cmd = config.cmd.unwrap();
    assert_eq!(cmd.program, "/home/me/aws_signing_helper");
    assert_eq!((cmd.args.len(), &*cmd.args[0]), (7, "serve"));
    let x509 = config.x509.unwrap();
    assert_eq!(x509.bundle, PathBuf::from("/tmp/bundle.0.pem"));
    assert!(x509.intermediates_to_bundle);
}

#[test]
fn an_empty_cmd_with_a_signal_and_without_a_pid_file_is_nothing_to_speak_of() {
    let text = format!("cmd = \"\"\ncmd_args = \"\"\nrenew_signal = \"SIGUSR1\"\n{X509}");
    let Loaded {
        config,
        warnings,
        errors,
    } = loaded(&text);
    assert_eq!((config.cmd, warnings.len(), errors.len()), (None, 0, 0));
}

#[test]
fn the_file_beats_the_environment_and_every_spelling_of_a_socket_is_one() {
    let overrides = Overrides {
        endpoint_socket: Some("unix:///from/env.sock".to_owned()),
        ..Overrides::default()
    };
    let config = with(X509, &overrides).unwrap().config;
    assert_eq!(config.address, Address::Unix("/from/env.sock".into()));
    for spelling in [
        "/file.sock",
        "unix:/file.sock",
        "unix:///file.sock",
        "unix://unix:///file.sock",
    ] {
        let text = format!("agent_address = {spelling:?}\n{X509}");
        let config = with(&text, &overrides).unwrap().config;
        assert_eq!(
            config.address,
            Address::Unix("/file.sock".into()),
            "{spelling}"
        );
    }
    let error = refused(&format!("agent_address = \"http://x\"\n{X509}"));
    assert!(error.contains("unknown scheme"), "{error}");
}

#[test]
fn the_command_line_beats_the_file_about_daemon_mode() {
    let off = format!("daemon_mode = false\n{X509}");
    assert!(!loaded(&off).config.daemon);
    let overrides = |daemon_mode| Overrides {
        daemon_mode: Some(daemon_mode),
        ..Overrides::default()
    };
    assert!(with(&off, &overrides(true)).unwrap().config.daemon);
    assert!(!with(X509, &overrides(false)).unwrap().config.daemon);
}

#[test]
fn unknown_keys_are_named_with_what_was_probably_meant() {
    let error = refused("svid_filename = \"a\"\ncmd = \"echo\"\nfoo = 1");
    assert_eq!(
        error,
        "helper.conf:1:1: unknown key \"svid_filename\"; did you mean \"svid_file_name\"?; \
         helper.conf:3:1: unknown key \"foo\""
    );
    let second = r#"jwt_svids = [
        { jwt_audience = "a", jwt_svid_file_name = "a.token" },
        { jwt_audience = "b", jwt_svid_file_name = "b.token", jwt_audiense = "c", foo = 1 },
    ]"#;
    let error = refused(second);
    assert!(
        error.contains(
            "3:63: jwt_svids[1]: unknown key \"jwt_audiense\"; did you mean \"jwt_audience\"?"
        ),
        "{error}"
    );
    assert!(
        error.contains("jwt_svids[1]: unknown key \"foo\""),
        "{error}"
    );
}

#[test]
fn every_rule_is_told_in_upstreams_words() {
    let all_or_none = "all or none of 'svid_file_name', 'svid_key_file_name', 'svid_bundle_file_name' must be specified";
    for (text, words) in [
        ("", "at least one of the sets ('svid_file_name',"),
        (
            "jwt_svids = []",
            "at least one of the sets ('svid_file_name',",
        ),
        ("svid_file_name = \"cert.pem\"", all_or_none),
        (
            "jwt_bundle_file_name = \"a\"\nsvid_key_file_name = \"cert.pem\"",
            all_or_none,
        ),
        (
            "jwt_svids = [{ jwt_svid_file_name = \"jwt.token\" }]",
            "'jwt_audience' is required in 'jwt_svids'",
        ),
        (
            "jwt_svids = [{ jwt_audience = \"a\" }]",
            "'jwt_svid_file_name' is required in 'jwt_svids'",
        ),
        (
            "daemon_mode = false\npid_file_name = \"p\"\nrenew_signal = \"SIGHUP\"",
            "pid_file_name is set but daemon_mode is false. pid_file_name is only supported in daemon_mode",
        ),
        (
            "pid_file_name = \"p\"",
            "must specify renew_signal when using pid_file_name",
        ),
        ("cert_file_mode = -1", "cert file mode must be positive"),
        ("key_file_mode = -1", "key file mode must be positive"),
        (
            "jwt_bundle_file_mode = -1",
            "jwt bundle file mode must be positive",
        ),
        (
            "jwt_svid_file_mode = -1",
            "jwt svid file mode must be positive",
        ),
        (
            "health_checks { listener_enabled = true bind_port = -1 }",
            "bind port must be positive",
        ),
        (
            "health_checks { listener_enabled = true bind_port = 65536 }",
            "65536 is no TCP port",
        ),
        (
            "health_checks { listener_enabled = true liveness_path = \"/ready\" }",
            "\"/ready\" is liveness_path, too",
        ),
        (
            "daemon_mode = \"false\"",
            "expected true or false without quotes",
        ),
        (
            "cmd_restart = \"allways\"",
            "is not one of \"on-update\", \"on-failure\", \"always\"",
        ),
        ("one_shot_timeout = \"5\"", "missing unit in duration"),
        (
            "jwt_bundle_file_name = \"{trust_domain}.json\"",
            "needs jwt_bundle_format = \"jwks\"",
        ),
    ] {
        let error = refused(text);
        assert!(error.contains(words), "{text}: {error}");
    }
}

#[test]
fn all_mistakes_are_told_at_once() {
    let error = refused("cert_file_mode = -1\nfoo = 1\nsvid_file_name = \"a\"");
    for part in [
        "1:1: cert file mode",
        "2:1: unknown key",
        "3:1: all or none",
    ] {
        assert!(error.contains(part), "{part}: {error}");
    }
}

#[test]
fn the_former_names_are_understood_with_a_warning() {
    let text = r#"
        agentAddress = "/a.sock"
        cmd = "x"
        cmdArgs = "y"
        certDir = "certs"
        svidFileName = "svid.pem"
        svidKeyFileName = "key.pem"
        svidBundleFileName = "bundle.pem"
        renewSignal = "SIGHUP"
        addIntermediatesToBundle = true
        timeout = "10s"
    "#;
    let Loaded {
        config, warnings, ..
    } = loaded(text);
    assert_eq!(warnings.len(), 9, "{warnings:?}");
    assert!(warnings[0].contains("agentAddress: this key is now called \"agent_address\""));
    assert!(warnings[8].contains("timeout: this key has had no meaning"));
    assert_eq!(config.address, Address::Unix("/a.sock".into()));
    assert_eq!(config.cmd.unwrap().args, ["y"]);
    assert_eq!(config.renew_signal, Some(Signal::SIGHUP));
    let x509 = config.x509.unwrap();
    assert_eq!(x509.key, PathBuf::from("certs/key.pem"));
    assert!(x509.intermediates_to_bundle);

    let both = format!("certDir = \"old\"\ncert_dir = \"new\"\n{X509}");
    let both = loaded(&both);
    assert!(both.warnings[0].contains("the new one counts"));
    assert_eq!(
        both.config.x509.unwrap().svid,
        PathBuf::from("new/cert.pem")
    );
}

#[test]
fn json_says_the_same() {
    let text = r#"{
        "svid_file_name": "cert.pem", "svid_key_file_name": "key.pem", "svid_bundle_file_name": "bundle.pem",
        "cert_file_mode": 292, "add_intermediates_to_bundle": true,
        "jwt_svids": [
            {"jwt_audience": "a", "jwt_extra_audiences": ["x", "y"], "jwt_svid_file_name": "a.token"},
            {"jwt_audience": "b", "jwt_svid_file_name": "b.token"}
        ],
        "health_checks": {"listener_enabled": true, "bind_port": 8083}
    }"#;
    let config = loaded(text).config;
    let x509 = config.x509.unwrap();
    assert_eq!(x509.cert_mode, 0o444);
    assert!(x509.intermediates_to_bundle);
    assert_eq!(config.health.unwrap().port, 8083);
    let audiences: Vec<_> = config
        .jwt_svids
        .into_iter()
        .map(|svid| svid.audience)
        .collect();
    assert_eq!(audiences, [vec!["a", "x", "y"], vec!["b"]]);
    let error = refused(r#"{"jwt_svids": [{"jwt_audience": "a"}, {"jwt_svid_file_name": "f"}]}"#);
    assert!(
        error.contains("jwt_svids[0]: 'jwt_svid_file_name' is required"),
        "{error}"
    );
    assert!(
        error.contains("jwt_svids[1]: 'jwt_audience' is required"),
        "{error}"
    );
}

#[test]
fn decimal_modes_that_look_octal_are_warned_of() {
    let decimal = loaded(&format!("cert_file_mode = 444\n{X509}"));
    assert_eq!(decimal.config.x509.unwrap().cert_mode, 0o674);
    assert!(
        decimal.warnings[0].contains("444 is a decimal number, which is mode 0674"),
        "{:?}",
        decimal.warnings
    );
    let octal = loaded(&format!("cert_file_mode = 0644\nkey_file_mode = 0\n{X509}"));
    assert_eq!(octal.warnings.len(), 0);
    assert_eq!(octal.config.x509.unwrap().key_mode, 0o600);
}

#[test]
fn what_cannot_work_is_told_once_and_stops_nothing() {
    let signal = loaded(&format!(
        "renew_signal = \"HUP\"\npid_file_name = \"p\"\n{X509}"
    ));
    assert_eq!(signal.config.renew_signal, None);
    assert_eq!(
        signal.errors,
        [
            "renew_signal: error getting signal: HUP; did you mean \"SIGHUP\"? No process will be signalled"
        ]
    );
    let args = loaded(&format!("cmd = \"x\"\ncmd_args = \"a \\\"b\"\n{X509}"));
    assert_eq!(args.config.cmd, None);
    assert!(
        args.errors[0].starts_with("error parsing cmd arguments: "),
        "{:?}",
        args.errors
    );
}

#[test]
fn without_staying_there_is_no_process() {
    let text = format!("daemon_mode = false\ncmd = \"x\"\nrenew_signal = \"SIGHUP\"\n{X509}");
    let Loaded {
        config, warnings, ..
    } = loaded(&text);
    assert_eq!((config.cmd, config.renew_signal), (None, None));
    assert!(warnings[0].contains("cmd is set but daemon_mode is false. cmd will be ignored"));
    assert!(warnings[1].contains("renew_signal is set but daemon_mode is false."));
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let error = load(&PathBuf::from("/no/helper.conf"), &Overrides::default()).unwrap_err();
    assert_eq!(error.headline(), "failed to parse configuration");
    assert!(error.to_string().contains("/no/helper.conf"), "{error}");
}
