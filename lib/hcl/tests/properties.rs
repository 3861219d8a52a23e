//! What has to hold for any input at all.

use proptest::prelude::*;
use steeple_hcl::{Item, LiteralKind, Object, Report, Value, duration, parse_bytes, print};

/// Words that make something of their neighbours.
fn word() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "a",
        "b.c",
        "\"q\"",
        "\"${x \"y\"}\"",
        "\"\\u00e9\\x41\"",
        "1",
        "-2",
        "0x1f",
        "017",
        "1.5e3",
        "true",
        "null",
        "{",
        "}",
        "[",
        "]",
        ",",
        "=",
        ":",
        "\n",
        " ",
        "# c\n",
        "/* d */",
        "\"",
        "<<",
        "<<E\nx\nE\n",
        "<<-E\n  x\n  E\n",
        "$",
        "\\",
        "\u{e9}",
        "\u{0}",
        "\r\n",
        "+",
        "/",
        ".5",
    ])
}

/// Documents that are sound, two levels deep.
fn document() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        Just("1".to_owned()),
        Just("-0.5".to_owned()),
        Just("true".to_owned()),
        "\"[a-z \\$]{0,8}\"",
        Just("\"${a \"b\"\n}\"".to_owned()),
        Just("<<EOF\n  one\ntwo\nEOF\n".to_owned()),
        Just("[1, \"two\", # three\n  [4], ]".to_owned()),
        Just("[]".to_owned()),
    ];
    let key = "[a-z_][a-z0-9_.-]{0,6}";
    let line = (key, value).prop_map(|(key, value)| format!("{key} = {value}\n"));
    let comment = prop::option::of(Just("# above\n"));
    let line = (comment, line).prop_map(|(c, l)| format!("{}{l}", c.unwrap_or_default()));
    let body = prop::collection::vec(line, 0..5).prop_map(|lines| lines.concat());
    let block =
        (key, prop::option::of("[a-z]{1,4}"), body.clone()).prop_map(|(key, label, body)| {
            let label = label.map(|label| format!("{label:?} ")).unwrap_or_default();
            format!("{key} {label}{{\n{body}}}\n\n")
        });
    (body, prop::collection::vec(block, 0..3)).prop_map(|(body, blocks)| body + &blocks.concat())
}

/// A tree without places and comments.
fn meaning(object: &Object) -> Vec<String> {
    object.items.iter().map(item_meaning).collect()
}

fn item_meaning(item: &Item) -> String {
    let names: Vec<&str> = item.keys.iter().map(|key| key.name.as_str()).collect();
    format!("{names:?} {}", value_meaning(&item.value))
}

fn value_meaning(value: &Value) -> String {
    match value {
        Value::Object(object) => format!("{:?}", meaning(object)),
        Value::List(list) => {
            let elements: Vec<String> = list.elements.iter().map(value_meaning).collect();
            format!("list {elements:?}")
        }
        Value::Literal(literal) => {
            let string = matches!(literal.kind, LiteralKind::String | LiteralKind::Heredoc);
            format!("{string} {:?}", literal.value)
        }
    }
}

/// Asks for everything there is, in every way.
fn ask_everything(object: &Object, section: &steeple_hcl::Section<'_>) {
    for name in object
        .items
        .iter()
        .flat_map(|item| &item.keys)
        .map(|key| &key.name)
    {
        section.string(name);
        section.int(name);
        section.bool(name);
        section.float(name);
        section.strings(name);
        section.duration(name);
        section.section(name);
        section.sections(name);
        section.labelled(name);
    }
    section.entries();
    section.finish();
    section.finish_tolerant();
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn nothing_makes_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(document) = parse_bytes("x", &bytes) {
            let report = Report::new();
            ask_everything(&document.root, &document.section(&report));
            print(&document.root);
        }
    }

    #[test]
    fn no_sequence_of_words_makes_the_reader_panic(words in prop::collection::vec(word(), 0..40)) {
        if let Ok(document) = parse_bytes("x", words.concat().as_bytes()) {
            let report = Report::new();
            ask_everything(&document.root, &document.section(&report));
            print(&document.root);
        }
    }

    #[test]
    fn what_is_printed_means_the_same(text in document()) {
        let document = parse_bytes("x", text.as_bytes()).unwrap();
        // A heredoc at the end needs the line end that printing leaves out.
        let printed = print(&document.root) + "\n";
        let again = parse_bytes("x", printed.as_bytes());
        let again = again.map_err(|e| TestCaseError::fail(format!("{e}\n{printed}")))?;
        prop_assert_eq!(meaning(&document.root), meaning(&again.root), "{}", printed);
    }

    #[test]
    fn durations_read_back_as_printed(nanos in any::<i64>()) {
        let printed = duration::GoDuration::from_nanos(nanos).to_string();
        let read = duration::parse(&printed).map(duration::GoDuration::as_nanos);
        prop_assert_eq!(read, Ok(nanos), "{}", printed);
    }

    #[test]
    fn no_text_makes_the_duration_reader_panic(text in "[-+0-9.hmsnu\u{b5}]{0,24}") {
        if let Ok(duration) = duration::parse(&text) {
            duration.to_string();
        }
    }
}

#[test]
fn deep_nesting_is_an_error_and_no_crash() {
    for (open, start) in [
        ("[", "a = "),
        ("a {", ""),
        ("[{a=", "a = "),
        ("{\"a\":[", ""),
    ] {
        let text = format!("{start}{}", open.repeat(100_000));
        let error = parse_bytes("x", text.as_bytes()).unwrap_err();
        assert!(
            error.message.contains("nested deeper than 100 levels"),
            "{error:.200}"
        );
    }
}
