use steeple_hcl::duration::GoDuration;

use super::*;

#[derive(clap::Args, Debug, PartialEq)]
struct Sample {
    #[arg(long = "ttl", value_name = "int", default_value = "600", value_parser = int, help = "Lifetime in seconds")]
    ttl: i64,
    #[arg(
        long = "socketPath",
        value_name = "string",
        default_value = "/tmp/a.sock",
        help = "Where it listens"
    )]
    socket_path: String,
    #[arg(
        long = "name",
        value_name = "string",
        default_value = "",
        help = "What it is called"
    )]
    name: String,
    #[arg(long = "admin", value_name = BOOL, default_value = "false", value_parser = boolean, action = clap::ArgAction::Set, help = "May do all")]
    admin: bool,
    #[arg(long = "selector", value_name = "value", help = "One of many")]
    selectors: Vec<String>,
    #[arg(
        long = "timeout",
        value_name = "value",
        default_value = "5s",
        value_parser = duration,
        help = "How long"
    )]
    timeout: GoDuration,
}

impl Flags for Sample {}

fn read(words: &[&str]) -> Result<Sample, FlagError> {
    let words: Vec<String> = words.iter().map(ToString::to_string).collect();
    typed(&FlagSet::new("sample").with::<Sample>().parse(&words)?)
}

fn refused(words: &[&str]) -> String {
    read(words).unwrap_err().to_string()
}

#[test]
fn all_four_spellings_are_one_flag() {
    for words in [
        &["-ttl", "7"][..],
        &["--ttl", "7"],
        &["-ttl=7"],
        &["--ttl=7"],
    ] {
        assert_eq!(read(words).unwrap().ttl, 7, "{words:?}");
    }
    assert_eq!(read(&[]).unwrap().ttl, 600);
}

#[test]
fn a_value_may_begin_with_a_dash_or_hold_an_equals_sign_or_be_empty() {
    assert_eq!(read(&["-name", "-x"]).unwrap().name, "-x");
    assert_eq!(read(&["-name", "a=b"]).unwrap().name, "a=b");
    assert_eq!(read(&["-name=a=b"]).unwrap().name, "a=b");
    assert_eq!(read(&["-socketPath="]).unwrap().socket_path, "");
    assert_eq!(read(&["-socketPath", ""]).unwrap().socket_path, "");
}

#[test]
fn a_boolean_takes_its_value_only_behind_an_equals_sign() {
    assert!(read(&["-admin"]).unwrap().admin);
    assert!(read(&["-admin=T"]).unwrap().admin);
    assert!(!read(&["-admin", "-admin=false"]).unwrap().admin);
    let then_operand = read(&["-admin", "false", "-ttl", "7"]).unwrap();
    assert!(then_operand.admin);
    assert_eq!(
        then_operand.ttl, 600,
        "flags behind an operand are not read"
    );
    assert_eq!(
        refused(&["-admin=maybe"]),
        r#"invalid boolean value "maybe" for -admin: parse error"#
    );
}

#[test]
fn reading_stops_at_the_first_operand() {
    let stopped: [&[&str]; 3] = [
        &["sh", "-c", "true"],
        &["--", "-unknown"],
        &["-", "-unknown"],
    ];
    for words in stopped {
        assert_eq!(read(words).unwrap().ttl, 600, "{words:?}");
    }
    assert_eq!(
        refused(&["-unknown"]),
        "flag provided but not defined: -unknown"
    );
}

#[test]
fn a_repeated_flag_counts_last_and_a_list_gathers() {
    assert_eq!(read(&["-ttl", "1", "-ttl=2"]).unwrap().ttl, 2);
    let list = read(&["-selector", "a:b", "-selector", "c:d,e"]).unwrap();
    assert_eq!(list.selectors, ["a:b", "c:d,e"]);
}

#[test]
fn refusals_have_gos_words() {
    assert_eq!(
        refused(&["-ttl", "x"]),
        r#"invalid value "x" for flag -ttl: parse error"#
    );
    assert_eq!(
        refused(&["-ttl="]),
        r#"invalid value "" for flag -ttl: parse error"#
    );
    assert_eq!(
        refused(&["-ttl", "99999999999999999999"]),
        r#"invalid value "99999999999999999999" for flag -ttl: value out of range"#
    );
    assert_eq!(refused(&["-ttl"]), "flag needs an argument: -ttl");
    assert_eq!(refused(&["---ttl"]), "bad flag syntax: ---ttl");
    assert_eq!(refused(&["-=x"]), "bad flag syntax: -=x");
    assert_eq!(
        refused(&["-timeout", "5"]),
        r#"invalid value "5" for flag -timeout: time: missing unit in duration "5""#
    );
    assert_eq!(read(&["-help"]).unwrap_err(), FlagError::Help);
}

#[test]
fn usage_has_gos_layout() {
    let usage = FlagSet::new("sample").with::<Sample>().usage();
    let expected = "Usage of sample:\n  -admin\n    \tMay do all\n  -name string\n    \tWhat it is called\n  \
        -selector value\n    \tOne of many\n  -socketPath string\n    \tWhere it listens (default \"/tmp/a.sock\")\n  \
        -timeout value\n    \tHow long (default 5s)\n  -ttl int\n    \tLifetime in seconds (default 600)\n";
    assert_eq!(usage, expected);
}

#[test]
fn integers_are_read_as_go_reads_them() {
    for (text, value) in [
        ("10", 10),
        ("-3", -3),
        ("+3", 3),
        ("0x1f", 31),
        ("0b11", 3),
        ("010", 8),
        ("1_000", 1000),
        ("0", 0),
    ] {
        assert_eq!(int(text), Ok(value), "{text}");
    }
    for text in ["", "-", "1.5", "1e3", "09", "_1", "1_", "1__0", " 1"] {
        assert_eq!(int(text), Err("parse error".into()), "{text}");
    }
}

#[test]
fn quoting_escapes_as_go_does() {
    assert_eq!(quote("a\"b\\c\n\u{1}é\u{85}"), r#""a\"b\\c\n\x01é\u0085""#);
}

#[test]
fn operands_are_what_follows_the_flags() {
    let set = FlagSet::new("sample").with::<Sample>();
    let operands = |words: &[&str]| {
        let words: Vec<String> = words.iter().map(ToString::to_string).collect();
        set.operands(&words).unwrap()
    };
    assert!(operands(&["-ttl", "7"]).is_empty());
    assert_eq!(operands(&["-ttl", "7", "a", "-b"]), ["a", "-b"]);
    assert_eq!(operands(&["-ttl=7", "--", "-b"]), ["-b"]);
}
