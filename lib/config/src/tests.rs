//! What all this says, line by line.

use std::fs;
use std::path::Path;

use steeple_hcl::{Document, Kind, Problem, Report, Source};

use crate::{ConfigErrors, Layers, PluginConfig, check_feature_flags, expand_env};
use crate::{health, plugins, telemetry, verdict};

fn document(text: &str) -> Document {
    steeple_hcl::parse(&Source {
        name: "x.conf".to_owned(),
        text: text.to_owned(),
    })
    .unwrap()
}

/// Reads `text` with `read`; what it says, and the lines of the report.
fn reading<T>(text: &str, read: impl Fn(&steeple_hcl::Section<'_>) -> T) -> (T, Vec<String>) {
    let document = document(text);
    let report = Report::new();
    let value = read(&document.section(&report));
    (value, lines(&report.problems()))
}

fn lines(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(Problem::to_string).collect()
}

#[test]
fn variables_are_expanded_as_go_does() {
    let lookup = |name: &str| match name {
        "HOME" => Some("/root".to_owned()),
        "a b" => Some("odd".to_owned()),
        _ => None,
    };
    let cases = [
        ("$HOME/x ${HOME}y", "/root/x /rooty"),
        ("${a b}", "odd"),
        ("$NOPE-", "-"),
        ("$$HOME $$", "$HOME $"),
        ("cost 5$", "cost 5$"),
        ("$ $, $é", "$ $, $é"),
        ("${} ${HOME", " HOME"),
        ("$1$*$-", ""),
        ("é$HOME", "é/root"),
    ];
    for (text, expected) in cases {
        assert_eq!(expand_env(text, lookup), expected, "{text}");
    }
}

#[test]
fn a_missing_file_is_named_in_full() {
    let error = crate::read(Path::new("no/such.conf"), false).unwrap_err();
    let here = std::env::current_dir().unwrap();
    assert_eq!(
        error.to_string(),
        format!(
            "could not find config file {}/no/such.conf: please use the -config flag",
            here.display()
        )
    );
}

#[test]
fn a_file_is_read_and_its_first_mistake_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.conf");
    fs::write(&path, "a = 1\n").unwrap();
    assert_eq!(crate::read(&path, true).unwrap().root.items.len(), 1);
    fs::write(&path, "a = 1; b = 2\n").unwrap();
    let error = crate::read(&path, false).unwrap_err();
    let expected = format!("unable to decode configuration at {path:?}: At 1:6: illegal char");
    assert_eq!(error.to_string(), expected);
    fs::write(&path, b"a = \"\xff\"\n").unwrap();
    let error = crate::read(&path, true).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("At 1:6: illegal UTF-8 encoding")
    );
}

#[test]
fn a_folder_is_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let error = crate::read(dir.path(), false).unwrap_err();
    assert!(matches!(error, ConfigErrors::Unreadable { .. }), "{error}");
}

#[test]
fn flags_come_first_unless_they_say_nothing() {
    let document = document("port = \"0x10\"\nname = \"file\"\non = true\noff = false\n");
    let report = Report::new();
    let section = document.section(&report);
    let layers = Layers::new(&section);
    let text = |flag: Option<&str>| {
        let flag = flag.map(str::to_owned);
        layers.text("name", Some(("-name", &flag))).unwrap().value
    };
    assert_eq!(text(Some("flag")), "flag");
    assert_eq!(text(Some("")), "file");
    assert_eq!(text(None), "file");
    let int = |flag| layers.int("port", Some(("-port", &flag))).unwrap().value;
    assert_eq!((int(Some(7)), int(Some(0)), int(None)), (7, 16, 16));
    assert!(
        layers.bool("on", false),
        "a flag cannot unset what the file says"
    );
    assert!(layers.bool("off", true));
    assert!(layers.text("absent", None).is_none());
    assert!(report.is_empty());
}

#[test]
fn a_bad_flag_is_called_by_its_name() {
    let document = document("level = \"info\"\n");
    let report = Report::new();
    let section = document.section(&report);
    let layers = Layers::new(&section);
    let flag = Some("loud".to_owned());
    let written = layers.text("level", Some(("-logLevel", &flag))).unwrap();
    layers.refuse(&written, "no such level");
    let written = layers.text("level", None).unwrap();
    layers.refuse(&written, "dull");
    assert_eq!(
        lines(&report.problems()),
        ["x.conf:1:1: dull", "-logLevel: no such level"]
    );
}

#[test]
fn plugins_keep_their_order_and_all_shapes_of_blocks_are_read() {
    let text = r#"
        plugins {
            NodeAttestor "join_token" { plugin_data {} }
            KeyManager { memory { enabled = false } }
            "UpstreamAuthority" "disk" plugin_data { ttl = "1h" }
            NodeAttestor "own" {
                plugin_cmd = "/bin/own"
                plugin_args = ["-x"]
                plugin_checksum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
                plugin_data = { a = 1 }
            }
        }"#;
    let (plugins, problems) = reading(text, plugins::read);
    assert_eq!(problems, [""; 0]);
    let names = |p: &PluginConfig| format!("{} {} {}", p.kind, p.name, p.enabled);
    assert_eq!(
        plugins.iter().map(names).collect::<Vec<_>>(),
        [
            "NodeAttestor join_token true",
            "KeyManager memory false",
            "UpstreamAuthority disk true",
            "NodeAttestor own true",
        ]
    );
    assert!(plugins[0].data.is_empty());
    assert_eq!(plugins[2].data.path(), "plugins.UpstreamAuthority \"disk\"");
    assert_eq!(
        steeple_hcl::print(&plugins[2].data.to_object()),
        "ttl = \"1h\""
    );
    assert!(plugins[3].is_external());
    assert_eq!(plugins[3].args, ["-x"]);
}

#[test]
fn json_plugins_are_not_taken_apart() {
    let text = r#"{"plugins": {"NodeAttestor": {"k8s_psat": {"plugin_data":
        {"clusters": {"one": {"a": "1"}, "two": {"a": "2"}}, "more": {"b": {"c": 1}}}}},
        "KeyManager": [{"memory": {"plugin_data": {}}}]}}"#;
    let (plugins, problems) = reading(text, plugins::read);
    assert_eq!(problems, [""; 0]);
    assert_eq!(plugins.len(), 2);
    let report = Report::new();
    let data = plugins[0].data.section(&report);
    let clusters = data.labelled("clusters");
    assert_eq!(clusters.len(), 2);
    assert_eq!(clusters[1].1.string("a").as_deref(), Some("2"));
    assert!(data.section("more").is_some());
}

#[test]
fn plugin_mistakes_are_told() {
    let (_, problems) = reading("server {}\n", plugins::read);
    assert_eq!(problems, ["x.conf: plugins section must be configured"]);

    let text = r#"plugins {
  KeyManager "disk" {
    plugin_data { a = 1 }
    plugin_data_file = "/x"
    enabled = "yes"
    plugin_checksum = "12"
  }
  NodeAttestor = "x"
}"#;
    let (_, problems) = reading(text, plugins::read);
    assert_eq!(
        problems,
        [
            "x.conf:4:5: plugins.KeyManager \"disk\": failed to create plugin config for \
             \"KeyManager\"/\"disk\": only one of [plugin_data, plugin_data_file] can be used",
            "x.conf:5:15: plugins.KeyManager \"disk\": enabled: expected true or false without \
             quotes, found \"yes\"",
            "x.conf:6:5: plugins.KeyManager \"disk\": plugin_checksum: expected a SHA-256: 64 \
             hexadecimal digits",
            "x.conf:8:18: plugins: NodeAttestor: expected a block, found a string",
        ]
    );
}

#[test]
fn plugin_data_may_be_in_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("data.conf");
    fs::write(&file, "keys_path = \"k\"\n").unwrap();
    let text = |path: &Path, more: &str| {
        format!("plugins {{ KeyManager \"disk\" {{ plugin_data_file = {path:?} {more} }} }}")
    };
    let (found, problems) = reading(&text(&file, ""), plugins::read);
    assert_eq!(problems, [""; 0]);
    let report = Report::new();
    let data = found[0].data.section(&report);
    assert_eq!(data.string("keys_path").as_deref(), Some("k"));
    data.problem("keys_path", "no");
    assert_eq!(
        report.to_string(),
        format!(
            "{}:1:1: plugins.KeyManager \"disk\": keys_path: no",
            file.display()
        )
    );

    let gone = dir.path().join("gone.conf");
    let (_, problems) = reading(&text(&gone, ""), plugins::read);
    assert!(
        problems[0].ends_with(&format!(
            "failed to read plugin configuration: open {}: no such file or directory",
            gone.display()
        )),
        "{problems:?}"
    );
    let (_, problems) = reading(&text(&gone, "enabled = false"), plugins::read);
    assert_eq!(
        problems, [""; 0],
        "a disabled plugin's file is not looked at"
    );
}

#[test]
fn health_checks_have_defaults() {
    let read = |text: &str| reading(text, health::read);
    let (config, _) = read("health_checks { listener_enabled = true }");
    let config = config.unwrap();
    assert_eq!(config.address, "localhost:80");
    assert_eq!(
        (config.ready_path, config.live_path),
        ("/ready".into(), "/live".into())
    );

    let (config, problems) =
        read("health_checks { listener_enabled = true bind_address = \"[::1]\" bind_port = 80 }");
    assert_eq!(problems, [""; 0]);
    assert_eq!(config.unwrap().address, "[::1]:80");

    assert!(read("health_checks { bind_port = \"1\" }").0.is_none());
    assert!(read("").0.is_none());
    let (_, problems) =
        read("health_checks {\n bind_port = \"x\"\n live_path = \"l\"\n pot = 1\n}");
    assert_eq!(
        problems,
        [
            "x.conf:2:2: health_checks: bind_port: \"x\" is not a port; use 1 to 65535",
            "x.conf:3:2: health_checks: live_path: \"l\" does not begin with a slash",
            "x.conf:4:2: health_checks: unknown key \"pot\"",
        ]
    );
}

#[test]
fn telemetry_without_sinks_is_fine() {
    let text = "telemetry { MetricPrefix = \"x\" EnableHostnameLabel = false AllowedLabels = [] }";
    assert_eq!(reading(text, telemetry::read).1, [""; 0]);
}

#[test]
fn sinks_are_checked_and_refused_by_name() {
    let text = r#"telemetry {
  Prometheus { host = "h" port = 9988 tls { cert_file = "c" } ports = 1 }
  Statsd = [{ address = "a" }, { adress = "b" }]
  M3 { address = "x" env = "y" }
  InMem {}
  Unheard = 1
}"#;
    assert_eq!(
        reading(text, telemetry::read).1,
        [
            "x.conf:2:3: telemetry: Prometheus is not supported yet (metrics); take it out to go on",
            "x.conf:2:45: telemetry.Prometheus.tls: cert_file: has to be given together with \
             key_file",
            "x.conf:2:63: telemetry.Prometheus: unknown key \"ports\"; did you mean \"port\"?",
            "x.conf:3:3: telemetry: Statsd is not supported yet (metrics); take it out to go on",
            "x.conf:3:34: telemetry.Statsd: unknown key \"adress\"; did you mean \"address\"?",
            "x.conf:4:3: telemetry: M3 is not supported yet (metrics); take it out to go on",
            "x.conf:5:3: telemetry: InMem is not supported yet (metrics); take it out to go on",
        ]
    );
}

#[test]
fn feature_flags_are_few() {
    let text = "feature_flags = [\"wit-svid\", \"zz\", \"i_am_a_test_flag\", \"aa\"]";
    assert_eq!(
        reading(text, check_feature_flags).1,
        [
            "x.conf:1:1: unknown feature flag(s): [aa zz]",
            "x.conf:1:1: feature flag \"wit-svid\" is not supported yet; take it out to go on",
        ]
    );
    let (_, problems) = reading(
        "feature_flags = [\"i_am_a_test_flag\"]",
        check_feature_flags,
    );
    assert_eq!(problems, [""; 0]);
}

#[test]
fn mistakes_are_summed_up() {
    let document = document("a = 1\nb = 2\n");
    let report = Report::new();
    let section = document.section(&report);
    assert_eq!(verdict(&report).unwrap(), [""; 0]);
    section.tell("a", "first", Kind::BadValue);
    let one = verdict(&report).unwrap_err();
    assert_eq!(one.to_string(), "x.conf:1:1: first");
    section.tell("b", "second", Kind::BadValue);
    let two = verdict(&report).unwrap_err();
    assert_eq!(
        two.to_string(),
        "2 mistakes in the configuration\n  x.conf:1:1: first\n  x.conf:2:1: second"
    );
}
