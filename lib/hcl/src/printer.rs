//! Writes a tree in HashiCorp's canonical form, as external plugins get their `plugin_data`.
//!
//! Comments survive where they stand right above an item or behind it. The layout depends on the
//! lines that things stood on, just as in the library.

mod align;
mod list;

use crate::{Comment, Item, Key, Literal, LiteralKind, Object, Pos, Value};

/// Put in front of lines that must not be indented, and taken out again at the end.
const KEEP_LEFT: &str = "\u{E123}";

/// The items of an object, without braces around them and without a line end at the end (which a
/// heredoc there would need to be read again).
pub fn print(object: &Object) -> String {
    let json = object
        .items
        .iter()
        .flat_map(|item| &item.keys)
        .any(|key| key.json);
    let printer = Printer { json };
    unindent(&printer.items(&object.items))
}

struct Printer {
    /// The library gives nothing in JSON a place.
    json: bool,
}

impl Printer {
    fn line(&self, pos: Pos) -> usize {
        if self.json { 0 } else { pos.line }
    }

    fn item_line(&self, item: &Item) -> usize {
        item.keys.first().map_or(0, |key| self.line(key.pos))
    }

    fn items(&self, items: &[Item]) -> String {
        let mut out = String::new();
        for (index, item) in items.iter().enumerate() {
            out.push_str(&self.item(item));
            let Some(next) = items.get(index + 1) else {
                continue;
            };
            out.push('\n');
            let adjacent = self.item_line(next) == self.item_line(item) + 1;
            if !(adjacent && is_empty_block(next) && is_empty_block(item)) {
                out.push('\n');
            }
        }
        out
    }

    fn item(&self, item: &Item) -> String {
        let mut out = comment_lines(&item.lead_comment);
        let same_line = self.on_one_line(item);
        if !same_line {
            out.push_str(&comment_lines(&item.line_comment));
        }
        for key in &item.keys {
            out.push_str(&key.text);
            out.push(' ');
        }
        if item.assign.is_some() && item.keys.len() == 1 {
            out.push_str("= ");
        }
        out.push_str(&self.value(&item.value));
        if same_line && !item.line_comment.is_empty() {
            out.push(' ');
            out.push_str(&joined(&item.line_comment));
        }
        out
    }

    fn on_one_line(&self, item: &Item) -> bool {
        self.line(item.value.pos()) == self.item_line(item)
    }

    fn value(&self, value: &Value) -> String {
        match value {
            Value::Literal(literal) => print_literal(literal),
            Value::List(list) => self.list(list),
            Value::Object(object) => self.object(object),
        }
    }

    fn object(&self, object: &Object) -> String {
        let items = &object.items;
        if items.is_empty() {
            return "{}".to_owned();
        }
        let mut out = String::from("{\n");
        let mut index = 0;
        while index < items.len() {
            let aligned = self.alignable(items, index);
            let end = index + aligned.len();
            if end != aligned.len() {
                out.push('\n');
            }
            if aligned.is_empty() {
                out.push_str(&indent(&self.item(&items[index])));
                index += 1;
            } else {
                out.push_str(&indent(&self.aligned(aligned)));
                index = end;
            }
            out.push('\n');
        }
        out.push('}');
        out
    }
}

fn print_literal(literal: &Literal) -> String {
    let text = literal.text.as_str();
    match literal.kind {
        LiteralKind::Heredoc => keep_left(text.strip_suffix('\n').unwrap_or(text)),
        LiteralKind::String => keep_left(text),
        _ => text.to_owned(),
    }
}

/// `key {}`, without a comment above.
fn is_empty_block(item: &Item) -> bool {
    let empty = matches!(&item.value, Value::Object(object) if object.items.is_empty());
    item.lead_comment.is_empty() && item.assign.is_none() && empty
}

fn comment_lines(comments: &[Comment]) -> String {
    comments.iter().map(|c| format!("{}\n", c.text)).collect()
}

fn joined(comments: &[Comment]) -> String {
    comments.iter().map(|c| c.text.as_str()).collect()
}

fn key_len(key: &Key) -> usize {
    key.text.len()
}

/// Two blanks in front of each line that is not empty.
fn indent(text: &str) -> String {
    let lines = text.split_inclusive('\n');
    lines
        .map(|line| {
            if line == "\n" {
                line.to_owned()
            } else {
                format!("  {line}")
            }
        })
        .collect()
}

/// Marks all lines but the first, if not empty, as not to be indented.
fn keep_left(text: &str) -> String {
    let mut lines = text.split_inclusive('\n');
    let mut out = lines.next().unwrap_or_default().to_owned();
    for line in lines {
        if line != "\n" {
            out.push_str(KEEP_LEFT);
        }
        out.push_str(line);
    }
    out
}

/// Takes the marks out, and what was put in front of them since the line began.
fn unindent(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(KEEP_LEFT) {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        let after = &after[KEEP_LEFT.len()..];
        if after.is_empty() {
            out.push_str(KEEP_LEFT);
        } else {
            let line = out.rfind('\n').map_or(0, |end| end + 1);
            out.truncate(line);
        }
        rest = after;
    }
    out.push_str(rest);
    out
}
