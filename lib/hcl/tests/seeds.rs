//! Every piece of configuration in the articles that this project follows can be read.
//!
//! The articles live beside the project; `STEEPLE_SHARED` names the folder.

#![expect(clippy::panic, reason = "a listing that cannot be read fails the test")]

use std::path::PathBuf;

use steeple_hcl::{Report, parse_bytes};

fn article(number: &str) -> Option<String> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let shared = std::env::var_os("STEEPLE_SHARED").map_or(default.into(), PathBuf::from);
    let mut files = std::fs::read_dir(shared.join("seeds")).ok()?.flatten();
    let file = files.find(|file| file.file_name().to_string_lossy().starts_with(number))?;
    std::fs::read_to_string(file.path()).ok()
}

/// The lines from one that begins with `first` up to the end of its listing, that many times as
/// there are.
fn listings(text: &str, first: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let starts = (0..lines.len()).filter(|at| lines[*at].starts_with(first));
    // The oldest article is plain text: there a listing ends with the paragraph.
    let fenced = text.contains("```");
    let goes_on = |line: &&&str| match fenced {
        true => !line.trim_start().starts_with("```"),
        false => !line.trim().is_empty(),
    };
    starts
        .map(|at| {
            lines[at..]
                .iter()
                .take_while(goes_on)
                .copied()
                .collect::<Vec<_>>()
                .join("\n")
        })
        .collect()
}

fn each(number: &str, first: &str, expected: usize) {
    let Some(text) = article(number) else {
        eprintln!("NOT TESTED: no seeds; set STEEPLE_SHARED to the folder that has them");
        return;
    };
    let found = listings(&text, first);
    assert_eq!(found.len(), expected, "listings that begin with {first:?}");
    for listing in found {
        let document = parse_bytes("seed", listing.as_bytes());
        let document = document.unwrap_or_else(|error| panic!("{error}\n{listing}"));
        assert!(!document.root.items.is_empty(), "{listing}");
        let report = Report::new();
        document.section(&report).finish();
    }
}

#[test]
fn kubernetes_plugins_and_agent() {
    each("000_", "NodeAttestor \"k8s_psat\" {", 1);
    each("000_", "Notifier \"k8sbundle\" {", 1);
    each("000_", "plugins {", 2);
    each("000_", "    agent {", 1);
}

#[test]
fn helper_in_kubernetes_and_on_a_workstation() {
    each("000_", "    agent_address =", 1);
    each("003_", "    agent_address =", 1);
}

#[test]
fn server_and_agent_of_the_main_article() {
    each("002_", "server {", 1);
    each("002_", "agent {", 1);
}

#[test]
fn single_keys_of_the_oldest_article() {
    each("001_", "ca_key_type =", 1);
}
