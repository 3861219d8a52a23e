//! How a document is asked: sections, their report, JSON, and handles that outlive it.

#![expect(
    clippy::unwrap_used,
    reason = "a text that cannot be read fails the test"
)]

use steeple_hcl::{Document, Kind, Report, empty, parse_bytes, print};

fn document(text: &str) -> Document {
    parse_bytes("x.conf", text.as_bytes()).unwrap()
}

fn lines(report: &Report) -> Vec<String> {
    report.problems().iter().map(ToString::to_string).collect()
}

#[test]
fn unknown_keys_are_told_with_the_nearest_known_one() {
    let document = document("Known = 1\nknwon = 2\n\"quoted\" = 3\nother { deep = 1 }\n");
    let report = Report::new();
    let root = document.section(&report);
    assert_eq!(root.int("known"), Some(1), "keys match in any case");
    root.finish();
    assert_eq!(
        lines(&report),
        [
            "x.conf:2:1: unknown key \"knwon\"; did you mean \"known\"?",
            "x.conf:4:1: unknown key \"other\"",
        ]
    );
    assert_eq!(report.problems()[0].kind, Kind::UnknownKey);
    let warning = "x.conf:3:1: unknown key \"quoted\"";
    assert_eq!(report.warnings()[0].to_string(), warning);
}

#[test]
fn sections_say_where_they_are() {
    let document = document("a { b \"l\" { n = \"x\" } }");
    let report = Report::new();
    let labelled = document
        .section(&report)
        .section("a")
        .unwrap()
        .labelled("b");
    let (label, b) = &labelled[0];
    assert_eq!((label.as_str(), b.int("n")), ("l", None));
    b.missing("m");
    b.unsupported("n", "numbers");
    b.unsupported("absent", "nothing");
    assert_eq!(
        lines(&report),
        [
            "x.conf:1:7: a.b \"l\": m must be configured",
            "x.conf:1:13: a.b \"l\": n is not supported yet (numbers); take it out to go on",
            "x.conf:1:17: a.b \"l\": n: expected a whole number, found \"x\"",
        ]
    );
}

#[test]
fn what_is_repeated_adds_up_or_is_replaced() {
    let document = document(
        "s = \"1\" s = \"2\" l = [\"a\"] l = [\"b\"] m \"x\" { a = 1 } m \"X\" {} m { x { b = 2 } }",
    );
    let report = Report::new();
    let root = document.section(&report);
    assert_eq!(root.string("s").as_deref(), Some("2"));
    assert_eq!(root.strings("l").unwrap(), ["a", "b"]);
    let entries = root.labelled("m");
    assert_eq!(entries.len(), 2, "labels are told apart by case");
    assert_eq!(
        (entries[0].1.int("a"), entries[0].1.int("b")),
        (Some(1), Some(2))
    );
    assert!(report.is_empty());
}

#[test]
fn a_bad_value_among_several_is_told_even_if_a_good_one_follows() {
    let document = document("n = true\nn = 1\n");
    let report = Report::new();
    let root = document.section(&report);
    assert_eq!(root.int("n"), None);
    assert_eq!(root.int("n"), None, "asking twice does not tell twice");
    assert_eq!(
        lines(&report),
        ["x.conf:1:5: n: expected a whole number, found true"]
    );
}

#[test]
fn lists_of_blocks_come_in_every_shape() {
    let read = |text: &str| {
        let document = document(text);
        let report = Report::new();
        let sections = document.section(&report).sections("s");
        let pairs = sections.iter().map(|s| (s.int("a"), s.int("b")));
        let pairs: Vec<_> = pairs.collect();
        assert!(report.is_empty(), "{report}");
        pairs
    };
    let one = [(Some(1), Some(2))];
    assert_eq!(read("s { a = 1 b = 2 }"), one);
    assert_eq!(read("s = { a = 1, b = 2 }"), one);
    assert_eq!(read("s = [{ a = 1 b = 2 },]"), one);
    assert_eq!(read("{\"s\": [{\"a\": 1, \"b\": 2}]}"), one);
    assert_eq!(read("s \"ignored\" { a = 1 b = 2 }"), one);
    assert_eq!(
        read("s { a = 1 } s { b = 2 }"),
        [(Some(1), None), (None, Some(2))]
    );
    assert_eq!(
        read("{\"s\": [{\"a\": 1}, {\"b\": 2}]}"),
        read("s { a = 1 } s { b = 2 }")
    );
}

#[test]
fn json_is_as_lenient_as_the_library() {
    for text in [
        "{\"a\": 1,}",
        "{\"a\": 1",
        "{\"a\": 1} rest",
        "\n {\"a\": 1, \"b\" }",
    ] {
        let document = document(text);
        let report = Report::new();
        assert_eq!(document.section(&report).int("a"), Some(1), "{text}");
    }
    let document = document("{\"n\": null, \"l\": [true, 1, 2], \"A\\u00e9\": \"${x\"}");
    let report = Report::new();
    let root = document.section(&report);
    assert_eq!(root.string("n").as_deref(), Some(""));
    assert_eq!(root.strings("l").unwrap(), ["1", "2"]);
    assert_eq!(root.string("a\u{c9}").as_deref(), Some("${x"));
}

#[test]
fn json_mistakes_have_places_too() {
    let cases = [
        ("{\"a\": 01}", "At 1:8: numbers cannot start with 0"),
        ("{\"a\": x}", "At 1:7: illegal char"),
        ("{a: 1}", "At 1:2: illegal char"),
        ("{\"a\": \"\\/\"}", "At 1:9: illegal char escape"),
        (
            "{\"a\": , \"b\": 1}",
            "At 1:7: Expected object value, got unknown token: 1:7 COMMA ,",
        ),
        (
            "{\"a\": [",
            "At 1:8: unexpected token while parsing list: EOF",
        ),
        ("{\"\\ud800\": 1}", "At 1:2: invalid string \"\\ud800\""),
    ];
    for (text, expected) in cases {
        let error = parse_bytes("x", text.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), expected, "{text}");
    }
}

#[test]
fn what_the_library_panics_on_is_an_error() {
    for text in ["a = \"\\U00110000\"", "a = \"\\xff\"", "a = \"${\""] {
        assert!(parse_bytes("x", text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn an_owned_section_outlives_its_document() {
    fn fits_in_threads<T: Send + Sync>(value: T) -> T {
        value
    }
    let owned = {
        let document = document("p \"k\" data { a = 1\n b { c = \"d\" } }");
        let report = Report::new();
        let p = document.section(&report).section("p").unwrap();
        let (_, k) = p.entries().remove(0);
        k.section("data").unwrap().to_owned_section()
    };
    let owned = fits_in_threads(owned);
    let report = Report::new();
    let section = owned.section(&report);
    assert_eq!(section.int("a"), Some(1));
    section.finish();
    assert_eq!(
        lines(&report),
        ["x.conf:2:2: p \"k\".data: unknown key \"b\""]
    );

    let nothing = empty("plugins.KeyManager \"memory\"");
    assert!(nothing.is_empty());
    nothing.section(&report).missing("directory");
    let last = lines(&report).pop().unwrap();
    assert_eq!(
        last,
        "plugins.KeyManager \"memory\": directory must be configured"
    );
}

/// What HashiCorp's printer makes of the text below.
const PRINTED: &str = r#"directory = "./x"

# above
long_name = 5 # behind

list = ["a", "b"]

many = [
  "one", # first
  {
    a = 1
  },
]

"clusters" {
  "one" = {
    a   = 1    # x
    bcd = true # y

    e = <<EOT
text
EOT
  }

  two "label" {}
}"#;

#[test]
fn printing_is_canonical() {
    let text = r#"
directory   =   "./x"
# alone, and lost

# above
long_name=5 # behind
list = ["a","b",]
many = [ "one", # first
 {a=1}]
"clusters" { "one" = { a = 1 # x
bcd = true # y

e = <<EOT
text
EOT
}
two "label" { } }
"#;
    let printed = print(&document(text).root);
    assert_eq!(printed, PRINTED);
    let again = print(&document(&printed).root);
    assert_eq!(again, printed, "printing what was printed changes nothing");
    assert_eq!(print(&document("").root), "");
}
