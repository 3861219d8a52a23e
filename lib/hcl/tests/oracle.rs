//! Every case that was put to HashiCorp's library, with its answer, put to this one.
//!
//! `data/hcl1-oracle.txt` is in two parts: documents decoded without a type, and single keys
//! decoded into a Go structure. In the second part the library's words for a value of the wrong
//! type mean nothing to a user: only the place has to be the same.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a case that cannot be read fails the test"
)]

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};
use steeple_hcl::{Document, Key, LiteralKind, Report, Section, Value, parse_bytes};

const ORACLE: &str = include_str!("data/hcl1-oracle.txt");

/// The meaning of a string literal of Python or Go, quotes included.
fn unquote(literal: &str) -> Vec<u8> {
    let body = &literal[1..literal.len() - 1];
    let mut out = Vec::new();
    let mut chars = body.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        match chars.next().unwrap() {
            'n' => out.push(b'\n'),
            'r' => out.push(b'\r'),
            't' => out.push(b'\t'),
            'x' => {
                let digits: String = chars.by_ref().take(2).collect();
                out.push(u8::from_str_radix(&digits, 16).unwrap());
            }
            other => out.extend_from_slice(other.to_string().as_bytes()),
        }
    }
    out
}

/// What the library makes of a document that it decodes into a map: objects are lists of maps.
fn untyped(items: &[(&[Key], &Value)]) -> Json {
    let mut map = Map::new();
    for (keys, value) in items {
        let (first, rest) = keys.split_first().unwrap();
        let value = match value {
            value if !rest.is_empty() => Json::Array(vec![untyped(&[(rest, value)])]),
            Value::Object(object) => Json::Array(vec![untyped(&views(object))]),
            other => element(other),
        };
        match (map.get_mut(&first.name), value) {
            (Some(Json::Array(before)), Json::Array(more)) => before.extend(more),
            (_, value) => {
                map.insert(first.name.clone(), value);
            }
        }
    }
    Json::Object(map)
}

fn views(object: &steeple_hcl::Object) -> Vec<(&[Key], &Value)> {
    let items = object.items.iter();
    items
        .map(|item| (item.keys.as_slice(), &item.value))
        .collect()
}

fn element(value: &Value) -> Json {
    match value {
        Value::Object(object) => untyped(&views(object)),
        Value::List(list) => Json::Array(list.elements.iter().map(element).collect()),
        Value::Literal(literal) => match literal.kind {
            LiteralKind::Bool => Json::Bool(literal.text == "true"),
            LiteralKind::String | LiteralKind::Heredoc => Json::String(literal.value.clone()),
            LiteralKind::Number | LiteralKind::Float => number(literal.text.as_str()),
        },
    }
}

/// A number, read by asking a section for it.
fn number(text: &str) -> Json {
    let document = parse_bytes("", format!("n = {text}").as_bytes()).unwrap();
    let report = Report::new();
    let section = document.section(&report);
    match section.int("n") {
        Some(int) => Json::from(int),
        None => Json::from(section.float("n").unwrap()),
    }
}

fn same(one: &Json, other: &Json) -> bool {
    match (one, other) {
        (Json::Number(a), Json::Number(b)) => a.as_f64() == b.as_f64(),
        (Json::Array(a), Json::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Json::Object(a), Json::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => one == other,
    }
}

#[test]
fn documents() {
    let mut cases = 0;
    let mut input = Vec::new();
    let mut name = "";
    for line in ORACLE.lines() {
        if let Some(found) = line.strip_prefix("== ") {
            name = found;
        } else if let Some(literal) = line.strip_prefix("INPUT ") {
            input = unquote(literal.trim());
        } else if let Some(answer) = line.strip_prefix("GO ") {
            cases += 1;
            document_case(name, &input, answer.trim());
        }
    }
    assert_eq!(cases, 57, "cases of the oracle were not recognized");
}

fn document_case(name: &str, input: &[u8], answer: &str) {
    let read = parse_bytes("x", input);
    match answer.split_once(' ').unwrap() {
        ("FAIL", why) => assert_eq!(read.unwrap_err().to_string(), why, "{name}"),
        ("OK", json) => {
            let expected: Json = serde_json::from_str(json.trim()).unwrap();
            let root = read.unwrap().root;
            let found = untyped(&views(&root));
            assert!(same(&found, &expected), "{name}: {found}");
        }
        _ => panic!("{name}: {answer}"),
    }
}

#[test]
fn single_keys() {
    let mut cases = 0;
    for line in ORACLE.lines().filter(|line| line.starts_with('"')) {
        let (input, answer) = line.split_once("-> err=").unwrap();
        let input = unquote(input.trim());
        let document = parse_bytes("x", &input).unwrap();
        cases += 1;
        key_case(&String::from_utf8(input).unwrap(), &document, answer);
    }
    assert_eq!(cases, 35, "cases of the oracle were not recognized");
}

fn key_case(input: &str, document: &Document, answer: &str) {
    let report = Report::new();
    let root = document.section(&report);
    let key = input.split([' ', '{']).next().unwrap().to_lowercase();
    let found = field(&root, &key);
    if let Some(expected) = answer.strip_prefix("<nil>") {
        assert!(report.is_empty(), "{input}: {report}");
        let expected = expected.trim().replace(" UnusedKeyPositions:map[]", "");
        let expected = expected.replace(" map[]}", "}");
        let found = found
            .map(|found| format!("{key}={found}"))
            .unwrap_or_default();
        assert_eq!(found, expected, "{input}");
        return;
    }
    // The library takes a list of objects for no structure; so does a section.
    assert_eq!(report.problems().len(), 1, "{input}: {report}");
    if let Some(place) = answer.strip_prefix("At ") {
        let place = place.split(": ").next().unwrap();
        assert_eq!(report.problems()[0].pos.to_string(), place, "{input}");
    }
}

/// The field of the oracle's structure under `key`, as Go prints it.
fn field(root: &Section<'_>, key: &str) -> Option<String> {
    match key {
        "port" => root.int("port").map(|v| v.to_string()),
        "b" | "bp" => root.bool(key).map(|v| v.to_string()),
        "s" => root
            .string("s")
            .map(|v| format!("{v:?}").replace("\\n", "\\n")),
        "l" => root
            .strings("l")
            .map(|v| format!("{v:?}").replace("\", \"", "\" \"")),
        "f" => root.float("f").map(|v| v.to_string()),
        "m" => root.section("m").map(|section| {
            let names = ["a", "c"].into_iter();
            let pairs = names.filter_map(|k| Some(format!("{k}:{}", section.string(k)?)));
            format!("map[{}]", pairs.collect::<Vec<_>>().join(" "))
        }),
        "mi" => {
            let entries = root.labelled("mi").into_iter();
            let entries: BTreeMap<_, _> = entries.map(|(k, v)| (k, v.string("x"))).collect();
            let shown = entries
                .into_iter()
                .map(|(k, v)| format!("{k}:{{{}}}", v.unwrap()));
            Some(format!("map[{}]", shown.collect::<Vec<_>>().join(" ")))
        }
        "in" => {
            let x = root.section("in")?.string("x").unwrap_or_default();
            Some(format!("{{X:{x}}}"))
        }
        "ins" => {
            let sections = root.sections("ins").into_iter();
            let shown = sections.map(|v| format!("{{{}}}", v.string("x").unwrap()));
            Some(format!("[{}]", shown.collect::<Vec<_>>().join(" ")))
        }
        "any" => {
            let a = root.section("any")?.int("a")?;
            Some(format!("[map[a:{a}]]"))
        }
        "unknown" => None,
        other => panic!("no such field: {other}"),
    }
}

#[test]
fn repeated_blocks_are_merged() {
    let document = parse_bytes("x", br#"in { x = "1" } in { y = "2" }"#).unwrap();
    let report = Report::new();
    let section = document.section(&report).section("in").unwrap();
    assert_eq!(section.string("x").as_deref(), Some("1"));
    assert_eq!(section.string("y").as_deref(), Some("2"));
}
