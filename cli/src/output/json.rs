//! JSON as Go's `encoding/json` writes a generic map: keys sorted, nulls left out, `<`, `>` and
//! `&` escaped, numbers as Go prints a float.

use serde_json::{Number, Value};

/// How strings are escaped.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Escape {
    /// `<`, `>`, `&` and the two Unicode line separators as `\u....`.
    Html,
    /// Only what JSON demands.
    Plain,
}

/// One line, without a line end.
pub(crate) fn encode(value: &Value, escape: Escape) -> String {
    let mut out = String::new();
    write(&mut out, value, escape);
    out
}

/// The same value with nulls taken out of all objects and lists.
pub(crate) fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.into_iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(key, value)| (key, without_nulls(value)))
                .collect(),
        ),
        Value::Array(items) => Value::Array(
            items
                .into_iter()
                .filter(|item| !item.is_null())
                .map(without_nulls)
                .collect(),
        ),
        other => other,
    }
}

fn write(out: &mut String, value: &Value, escape: Escape) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => out.push_str(&self::number(number)),
        Value::String(text) => string(out, text, escape),
        Value::Array(items) => list(out, ['[', ']'], items, |out, item| write(out, item, escape)),
        Value::Object(map) => {
            let mut members: Vec<_> = map.iter().collect();
            members.sort_by_key(|(key, _)| key.as_str());
            list(out, ['{', '}'], &members, |out, (key, value)| {
                string(out, key, escape);
                out.push(':');
                write(out, value, escape);
            });
        }
    }
}

fn list<T>(out: &mut String, brackets: [char; 2], items: &[T], each: impl Fn(&mut String, &T)) {
    out.push(brackets[0]);
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        each(out, item);
    }
    out.push(brackets[1]);
}

fn string(out: &mut String, text: &str, escape: Escape) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\0'..='\u{1f}' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' if escape == Escape::Html => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            _ => out.push(c),
        }
    }
    out.push('"');
}

/// Whole numbers stay whole; others are written as Go writes a 64-bit float.
fn number(number: &Number) -> String {
    if !number.is_f64() {
        return number.to_string();
    }
    let value = number.as_f64().unwrap_or_default();
    let size = value.abs();
    if size == 0.0 || (1e-6..1e21).contains(&size) {
        return format!("{value}");
    }
    let text = format!("{value:e}");
    match text.split_once('e') {
        Some((digits, power)) if !power.starts_with('-') => format!("{digits}e+{power}"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_sorted_and_nulls_gone() {
        let value = json!({"b": null, "a": [null, {"z": 1, "y": null, "x": "1"}], "C": {}});
        assert_eq!(
            encode(&without_nulls(value), Escape::Html),
            r#"{"C":{},"a":[{"x":"1","z":1}]}"#
        );
    }

    #[test]
    fn strings_are_escaped_for_html_where_asked() {
        let value = json!("<a>&\"\\\n\u{1}\u{2028}é");
        assert_eq!(
            encode(&value, Escape::Html),
            r#""\u003ca\u003e\u0026\"\\\n\u0001\u2028é""#
        );
        assert_eq!(
            encode(&value, Escape::Plain),
            "\"<a>&\\\"\\\\\\n\\u0001\u{2028}é\""
        );
    }

    #[test]
    fn numbers_read_as_go_prints_floats() {
        for (value, text) in [
            (json!(1_700_000_000.0), "1700000000"),
            (json!(1.5), "1.5"),
            (json!(-0.25), "-0.25"),
            (json!(1e21), "1e+21"),
            (json!(1.5e-7), "1.5e-7"),
            (json!(7), "7"),
        ] {
            assert_eq!(encode(&value, Escape::Html), text);
        }
    }
}
