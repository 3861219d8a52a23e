//! The log as a whole: events in, lines in a file out.

use std::{fs, path::Path};

use tracing::subscriber::with_default;

use super::*;
use crate::Format;

fn config(dir: &Path) -> LogConfig {
    LogConfig {
        file: Some(dir.join("log")),
        format: Format::Json,
        ..LogConfig::default()
    }
}

fn logged(config: &LogConfig, act: impl FnOnce(&LogHandle)) -> Vec<serde_json::Value> {
    let (subscriber, handle) = subscriber(config).unwrap();
    with_default(subscriber, || act(&handle));
    let text = fs::read_to_string(config.file.as_ref().unwrap()).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn fields_keep_their_kinds_and_errors_their_causes() {
    let dir = tempfile::tempdir().unwrap();
    let lines = logged(&config(dir.path()), |_| {
        let cause = io::Error::other("disk on fire");
        let error = LogError::Open {
            path: "/x".into(),
            source: cause,
        };
        let error: &(dyn std::error::Error + 'static) = &error;
        tracing::error!(error, count = 3, shown = %"a b", debugged = ?Some(1), r#type = "t", level = 9, "No");
    });
    let line = &lines[0];
    assert_eq!(line["msg"], "No");
    assert_eq!(line["level"], "error");
    assert_eq!(line["fields.level"], 9);
    assert_eq!(line["count"], 3);
    assert_eq!(line["shown"], "a b");
    assert_eq!(line["debugged"], "Some(1)");
    assert_eq!(line["type"], "t");
    assert!(
        line["error"].as_str().unwrap().contains(": disk on fire;"),
        "{line}"
    );
}

#[test]
fn a_line_carries_the_fields_of_its_spans() {
    let dir = tempfile::tempdir().unwrap();
    let lines = logged(&config(dir.path()), |_| {
        let outer = tracing::info_span!("rpc", method = "Get", caller = tracing::field::Empty);
        outer.record("caller", "someone");
        let _outer = outer.entered();
        let _inner = tracing::info_span!("step", method = "Inner").entered();
        tracing::info!(n = 1, "Done");
    });
    assert_eq!(lines[0]["method"], "Inner");
    assert_eq!(lines[0]["caller"], "someone");
    assert_eq!(lines[0]["n"], 1);
}

#[test]
fn the_level_can_change_while_running() {
    let dir = tempfile::tempdir().unwrap();
    let say = |text| tracing::debug!("{text}");
    let lines = logged(&config(dir.path()), |handle| {
        say("hidden");
        handle.set_level(Level::Debug);
        say("shown");
        assert_eq!(
            (handle.level(), handle.launch_level()),
            (Level::Debug, Level::Info)
        );
        handle.set_level(handle.launch_level());
        say("hidden again");
    });
    let messages: Vec<_> = lines
        .iter()
        .map(|line| line["msg"].as_str().unwrap())
        .collect();
    assert_eq!(messages, ["shown"]);
}

#[test]
fn libraries_are_heard_only_when_it_is_grave() {
    let dir = tempfile::tempdir().unwrap();
    let config = LogConfig {
        level: Level::Trace,
        ..config(dir.path())
    };
    let lines = logged(&config, |_| {
        tracing::trace!("ours");
        tracing::info!(target: "h2::client", "theirs");
        tracing::warn!(target: "h2::client", "theirs, grave");
    });
    let messages: Vec<_> = lines
        .iter()
        .map(|line| line["msg"].as_str().unwrap())
        .collect();
    assert_eq!(messages, ["ours", "theirs, grave"]);
}

#[test]
fn the_source_location_is_told_when_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let without = logged(&config(dir.path()), |_| tracing::info!("here"));
    assert!(without[0].get("file").is_none());
    let config = LogConfig {
        source_location: true,
        ..config(dir.path())
    };
    let with = logged(&config, |_| tracing::info!("here"));
    assert!(
        with[1]["file"]
            .as_str()
            .unwrap()
            .starts_with("subscriber_tests.rs:")
    );
    assert_eq!(with[1]["func"], "steeple_telemetry::subscriber::tests");
}

#[test]
fn a_file_that_cannot_be_opened_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("absent/log");
    let config = LogConfig {
        file: Some(path.clone()),
        ..LogConfig::default()
    };
    let Err(error) = subscriber(&config) else {
        panic!("opened a file in no folder")
    };
    let text = error.to_string();
    assert!(
        text.contains(path.to_str().unwrap()) && text.contains("No such file"),
        "{text}"
    );
}

#[test]
fn constant_fields_stand_on_every_line() {
    let dir = tempfile::tempdir().unwrap();
    let config = LogConfig {
        fields: vec![("system", "sample".to_owned())],
        ..config(dir.path())
    };
    let lines = logged(&config, |_| {
        tracing::info!(count = 3, "One");
        tracing::info!("Two");
    });
    assert_eq!(lines[0]["system"], "sample");
    assert_eq!(lines[0]["count"], 3);
    assert_eq!(lines[1]["system"], "sample");
}
