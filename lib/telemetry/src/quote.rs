//! When and how logrus quotes: Go's `%q`.

use std::fmt::Write as _;

/// Writes `text` bare if every character is one that logrus leaves bare, else quoted.
pub(crate) fn push_value(line: &mut String, text: &str) {
    if text.chars().all(is_bare) {
        line.push_str(text);
    } else {
        push_quoted(line, text);
    }
}

/// Writes a message for a terminal: as it is, but for control characters, which could otherwise
/// rewrite the screen.
pub(crate) fn push_printable(line: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '\n' | '\t' | '"' | '\\' => line.push(c),
            _ => push_char(line, c),
        }
    }
}

fn is_bare(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '/' | '@' | '^' | '+')
}

fn push_quoted(line: &mut String, text: &str) {
    line.push('"');
    text.chars().for_each(|c| push_char(line, c));
    line.push('"');
}

fn push_char(line: &mut String, c: char) {
    match c {
        '"' => line.push_str("\\\""),
        '\\' => line.push_str("\\\\"),
        '\u{7}' => line.push_str("\\a"),
        '\u{8}' => line.push_str("\\b"),
        '\u{c}' => line.push_str("\\f"),
        '\n' => line.push_str("\\n"),
        '\r' => line.push_str("\\r"),
        '\t' => line.push_str("\\t"),
        '\u{b}' => line.push_str("\\v"),
        _ => push_unicode(line, c),
    }
}

fn push_unicode(line: &mut String, c: char) {
    let code = u32::from(c);
    let printable = matches!(c, ' '..='~') || (code >= 0x80 && c.escape_debug().len() == 1);
    // Writing to a String cannot fail.
    let _infallible = if printable {
        line.write_char(c)
    } else if code < 0x80 {
        write!(line, "\\x{code:02x}")
    } else if code < 0x1_0000 {
        write!(line, "\\u{code:04x}")
    } else {
        write!(line, "\\U{code:08x}")
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> String {
        let mut line = String::new();
        push_value(&mut line, text);
        line
    }

    #[test]
    fn bare_values_stay_bare() {
        for text in ["", "x509-CA-A", "a.b_c/d@e^f+g", "0"] {
            assert_eq!(value(text), text);
        }
    }

    #[test]
    fn other_values_are_quoted_as_go_does() {
        // Each checked against Go's fmt.Sprintf("%q").
        for (text, quoted) in [
            ("a b", r#""a b""#),
            ("spiffe://a/b", r#""spiffe://a/b""#),
            ("say \"x\\y\"", r#""say \"x\\y\"""#),
            ("\u{7}\u{8}\u{c}\n\r\t\u{b}", r#""\a\b\f\n\r\t\v""#),
            ("\u{0}\u{1b}\u{7f}", r#""\x00\x1b\x7f""#),
            ("é 世界", r#""é 世界""#),
            ("\u{a0}\u{200b}\u{feff}", r#""\u00a0\u200b\ufeff""#),
            ("\u{e0001}", r#""\U000e0001""#),
            ("'`", r#""'`""#),
        ] {
            assert_eq!(value(text), quoted);
        }
    }

    #[test]
    fn a_message_cannot_drive_the_terminal() {
        let mut line = String::new();
        push_printable(&mut line, "say \"é\"\n\u{1b}[2J");
        assert_eq!(line, "say \"é\"\n\\x1b[2J");
    }
}
