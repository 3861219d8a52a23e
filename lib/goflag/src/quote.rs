//! Text in double quotes with Go's escapes, as its `%q` writes them.

use std::fmt::Write as _;

/// Quotes `text`.
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        push(&mut out, c);
    }
    out.push('"');
    out
}

fn push(out: &mut String, c: char) {
    let short = match c {
        '"' => "\\\"",
        '\\' => "\\\\",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        '\u{7}' => "\\a",
        '\u{8}' => "\\b",
        '\u{b}' => "\\v",
        '\u{c}' => "\\f",
        _ => "",
    };
    if !short.is_empty() {
        out.push_str(short);
        return;
    }
    let code = u32::from(c);
    let _written = match code {
        0x00..=0x1f | 0x7f => write!(out, "\\x{code:02x}"),
        0x80..=0x9f => write!(out, "\\u{code:04x}"),
        _ => write!(out, "{c}"),
    };
}
