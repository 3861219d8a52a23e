//! The three forms that logrus writes: text, text for a terminal, JSON.

use std::fmt::Write as _;

use jiff::{Timestamp, Zoned, tz::Offset};
use serde_json::Value;

use crate::{
    Format, Level,
    line::Line,
    quote::{push_printable, push_value},
};

/// How lines are to look.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    /// What the configuration says.
    pub(crate) format: Format,
    /// Whether a person reads along on a terminal.
    pub(crate) terminal: bool,
    /// When the process began; terminal lines count seconds from here.
    pub(crate) start: Timestamp,
}

impl Style {
    /// Writes `line` with its line feed to `out`.
    pub(crate) fn write(&self, line: Line, out: &mut String) {
        match self.format {
            Format::Json => write_json(line, out),
            Format::Default | Format::Text if self.terminal => self.write_terminal(&line, out),
            Format::Default => write_text(&line, "%Y-%m-%dT%H:%M:%S", out),
            Format::Text => write_text(&line, RFC3339_NANO, out),
        }
        out.push('\n');
    }

    fn write_terminal(&self, line: &Line, out: &mut String) {
        let colour = colour(line.level);
        let level = &line.level.name().to_uppercase()[..4];
        let seconds = line.time.timestamp().duration_since(self.start).as_secs();
        let mut message = String::new();
        push_printable(
            &mut message,
            line.message.strip_suffix('\n').unwrap_or(&line.message),
        );
        // Writing to a String cannot fail.
        let _infallible = write!(
            out,
            "\x1b[{colour}m{level}\x1b[0m[{seconds:04}] {message:<44} "
        );
        for (name, value) in &line.fields {
            let _infallible = write!(out, " \x1b[{colour}m{name}\x1b[0m=");
            push_field(out, value);
        }
    }
}

/// Go's RFC3339Nano, without its offset: the fraction loses its trailing zeros.
const RFC3339_NANO: &str = "%Y-%m-%dT%H:%M:%S%.f";

fn colour(level: Level) -> u8 {
    match level {
        Level::Panic | Level::Fatal | Level::Error => 31,
        Level::Warning => 33,
        Level::Info => 36,
        Level::Debug | Level::Trace => 37,
    }
}

fn time(time: &Zoned, format: &str) -> String {
    let text = time.strftime(format);
    if time.offset() == Offset::UTC {
        format!("{text}Z")
    } else {
        format!("{text}{}", time.strftime("%:z"))
    }
}

fn write_text(line: &Line, time_format: &str, out: &mut String) {
    out.push_str("time=");
    push_value(out, &time(&line.time, time_format));
    out.push_str(" level=");
    out.push_str(line.level.name());
    if !line.message.is_empty() {
        out.push_str(" msg=");
        push_value(out, &line.message);
    }
    for (name, value) in &line.fields {
        out.push(' ');
        out.push_str(name);
        out.push('=');
        push_field(out, value);
    }
}

fn push_field(out: &mut String, value: &Value) {
    match value {
        Value::String(text) => push_value(out, text),
        other => push_value(out, &other.to_string()),
    }
}

/// Go's encoder writes the keys sorted and escapes what HTML would take amiss. None of those
/// characters can stand outside a string, so they are replaced in the finished text.
fn write_json(line: Line, out: &mut String) {
    let mut fields = line.fields;
    fields.insert(
        "time".to_owned(),
        Value::String(time(&line.time, RFC3339_NANO)),
    );
    fields.insert(
        "level".to_owned(),
        Value::String(line.level.name().to_owned()),
    );
    fields.insert("msg".to_owned(), Value::String(line.message));
    for c in Value::from_iter(fields).to_string().chars() {
        match c {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            _ => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use serde_json::json;

    use super::*;

    fn line(zone: TimeZone) -> Line {
        let fields = json!({"plugin_name": "disk", "external": false, "count": 3, "id": "a:b"});
        let Value::Object(fields) = fields else {
            panic!("not an object")
        };
        let time: Timestamp = "2026-01-02T03:04:05.120Z".parse().unwrap();
        Line {
            level: Level::Warning,
            time: time.to_zoned(zone),
            message: "Plugin <loaded>".to_owned(),
            fields: fields.into_iter().collect(),
        }
    }

    fn written(format: Format, terminal: bool, zone: TimeZone) -> String {
        let start = "2026-01-02T03:02:42Z".parse().unwrap();
        let mut out = String::new();
        Style {
            format,
            terminal,
            start,
        }
        .write(line(zone), &mut out);
        out
    }

    #[test]
    fn text_is_as_logrus_writes_it() {
        assert_eq!(
            written(Format::Default, false, TimeZone::UTC),
            "time=\"2026-01-02T03:04:05Z\" level=warning msg=\"Plugin <loaded>\" count=3 \
             external=false id=\"a:b\" plugin_name=disk\n"
        );
        let text = written(Format::Text, false, TimeZone::fixed(Offset::constant(-3)));
        assert!(
            text.starts_with("time=\"2026-01-02T00:04:05.12-03:00\" level="),
            "{text}"
        );
    }

    #[test]
    fn terminal_lines_are_padded_and_coloured() {
        assert_eq!(
            written(Format::Text, true, TimeZone::UTC),
            "\x1b[33mWARN\x1b[0m[0083] Plugin <loaded>                             \
             \x20\x20\x1b[33mcount\x1b[0m=3 \x1b[33mexternal\x1b[0m=false \
             \x1b[33mid\x1b[0m=\"a:b\" \x1b[33mplugin_name\x1b[0m=disk\n"
        );
    }

    #[test]
    fn json_is_sorted_and_escaped_for_html() {
        assert_eq!(
            written(Format::Json, true, TimeZone::UTC),
            "{\"count\":3,\"external\":false,\"id\":\"a:b\",\"level\":\"warning\",\
             \"msg\":\"Plugin \\u003cloaded\\u003e\",\"plugin_name\":\"disk\",\
             \"time\":\"2026-01-02T03:04:05.12Z\"}\n"
        );
    }
}
