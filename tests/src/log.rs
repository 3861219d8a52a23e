//! Log lines in the two text forms of logrus.

use std::collections::BTreeMap;

/// One log line, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The level, in lower case as the form without a terminal has it; `debu` and the like become
    /// `debug`.
    pub level: String,
    /// The message.
    pub message: String,
    /// The fields, without their quotes.
    pub fields: BTreeMap<String, String>,
}

impl Line {
    /// A field's value, empty when it is absent.
    #[must_use]
    pub fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}

/// The first line with this message and with these fields.
#[must_use]
pub fn find_line(lines: &[String], message: &str, fields: &[(&str, &str)]) -> Option<Line> {
    lines
        .iter()
        .filter_map(|line| parse_line(line))
        .find(|line| {
            line.message == message
                && fields
                    .iter()
                    .all(|(name, value)| line.field(name) == *value)
        })
}

/// Takes a line apart; none when it has neither form.
#[must_use]
pub fn parse_line(line: &str) -> Option<Line> {
    let line = strip_colours(line);
    if line.starts_with("time=") {
        let mut fields = pairs(&line);
        fields.remove("time");
        let level = fields.remove("level")?;
        let message = fields.remove("msg")?;
        return Some(Line {
            level,
            message,
            fields,
        });
    }
    // LEVL[0000] message padded to 44 columns, then the fields
    let (level, rest) = line.split_once('[')?;
    let (_, rest) = rest.split_once("] ")?;
    let level = match level {
        "ERRO" => "error",
        "WARN" => "warning",
        "INFO" => "info",
        "DEBU" => "debug",
        _ => return None,
    };
    let start = rest.match_indices(' ').map(|(at, _)| at + 1).find(|at| {
        let word = rest[*at..].split(' ').next().unwrap_or_default();
        word.split_once('=').is_some_and(|(key, _)| is_key(key))
    });
    let (message, fields) = rest.split_at(start.unwrap_or(rest.len()));
    let message = message.trim_end().to_owned();
    Some(Line {
        level: level.to_owned(),
        message,
        fields: pairs(fields),
    })
}

/// The line without the escape sequences of a terminal.
#[must_use]
pub fn strip_colours(line: &str) -> String {
    let mut parts = line.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str(part.split_once('m').map_or(part, |(_, rest)| rest));
    }
    plain
}

fn is_key(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'))
}

/// `key=value key="quoted \" value"`, as Go quotes.
fn pairs(text: &str) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    let mut rest = text.trim_start();
    while let Some((key, after)) = rest.split_once('=') {
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => unquote(quoted),
            None => {
                let (value, after) = after.split_once(' ').unwrap_or((after, ""));
                (value.to_owned(), after)
            }
        };
        fields.insert(key.trim().to_owned(), value);
        rest = after.trim_start();
    }
    fields
}

fn unquote(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, &text[at + 1..]),
            '\\' => match chars.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, 't')) => value.push('\t'),
                Some((_, c)) => value.push(c),
                None => {}
            },
            c => value.push(c),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_say_the_same() {
        let pipe = parse_line(
            r#"time="2026-11-21T09:00:00Z" level=warning msg="It's \"so\"" a=1 b="x y" c="""#,
        )
        .unwrap();
        let terminal = parse_line(
            "\u{1b}[33mWARN\u{1b}[0m[0000] It's \"so\"                  \u{1b}[33ma\u{1b}[0m=1 b=\"x y\" c=",
        )
        .unwrap();
        assert_eq!(pipe, terminal);
        assert_eq!(pipe.field("b"), "x y");
        assert_eq!(pipe.field("absent"), "");
    }

    #[test]
    fn other_text_is_no_log_line() {
        assert_eq!(parse_line("Token: 1"), None);
    }
}
