//! Single values and lists of them.

use std::time::Duration;

use super::Section;
use crate::{Literal, LiteralKind, Value, duration, number};

const STRING: &str = "a string";
const INT: &str = "a whole number";

impl Section<'_> {
    /// A string. A number is taken as the text it was written as.
    pub fn string(&self, key: &str) -> Option<String> {
        self.scalar(key, STRING, text_of)
    }

    /// A whole number, also one in quotes; `0x` and a leading zero (octal) count.
    pub fn int(&self, key: &str) -> Option<i64> {
        self.scalar(key, INT, |literal| match literal.kind {
            LiteralKind::Number | LiteralKind::String => number::parse_int(&literal.value),
            _ => None,
        })
    }

    /// `true` or `false`, never in quotes.
    pub fn bool(&self, key: &str) -> Option<bool> {
        self.scalar(key, "true or false without quotes", |literal| {
            (literal.kind == LiteralKind::Bool).then(|| literal.text == "true")
        })
    }

    /// A number, with or without a fraction.
    pub fn float(&self, key: &str) -> Option<f64> {
        self.scalar(key, "a number", |literal| match literal.kind {
            LiteralKind::Number | LiteralKind::Float => literal.text.parse().ok(),
            _ => None,
        })
    }

    /// A duration in Go's spelling (`1h30m`); an empty string counts as absent.
    pub fn duration(&self, key: &str) -> Option<Duration> {
        let text = self.string(key)?;
        if text.is_empty() {
            return None;
        }
        match duration::parse(&text) {
            Ok(parsed) => {
                let positive = parsed.to_std();
                if positive.is_none() {
                    self.problem(key, format!("a duration cannot be negative: {text:?}"));
                }
                positive
            }
            Err(error) => {
                self.problem(
                    key,
                    format!("{error}; write one like \"30s\", \"5m\" or \"1h30m\""),
                );
                None
            }
        }
    }

    /// A list of strings.
    pub fn strings(&self, key: &str) -> Option<Vec<String>> {
        let found = self.find(key);
        if found.is_empty() {
            return None;
        }
        let mut strings = Some(Vec::new());
        for view in found {
            let read = match (view.deeper(), view.value()) {
                (None, Value::List(list)) => self.elements(key, &list.elements),
                (_, other) => {
                    self.expected(key, other, "a list of strings");
                    None
                }
            };
            strings = strings.zip(read).map(|(mut strings, read)| {
                strings.extend(read);
                strings
            });
        }
        strings
    }

    fn elements(&self, key: &str, elements: &[Value]) -> Option<Vec<String>> {
        let mut all = Some(Vec::with_capacity(elements.len()));
        for element in elements {
            let text = match element {
                Value::Literal(literal) => text_of(literal),
                _ => None,
            };
            match (text, &mut all) {
                (Some(text), Some(all)) => all.push(text),
                (Some(_), None) => {}
                (None, _) => {
                    self.expected(key, element, STRING);
                    all = None;
                }
            }
        }
        all
    }

    /// The last of the values of `key`, after all of them were found to fit.
    fn scalar<T>(
        &self,
        key: &str,
        expected: &str,
        read: impl Fn(&Literal) -> Option<T>,
    ) -> Option<T> {
        let mut last = None;
        let mut refused = false;
        for view in self.find(key) {
            let value = view.value();
            let read = match (view.deeper(), value) {
                (None, Value::Literal(literal)) => read(literal),
                _ => None,
            };
            if read.is_none() {
                refused = true;
                self.refuse(key, value, expected);
            }
            last = read;
        }
        last.filter(|_| !refused)
    }

    fn refuse(&self, key: &str, value: &Value, expected: &str) {
        match value {
            Value::Literal(literal) if literal.kind != LiteralKind::Heredoc => {
                let message = format!("{key}: expected {expected}, found {}", literal.text);
                self.report
                    .add(self.describe(literal.pos, message, crate::Kind::BadValue));
            }
            other => self.expected(key, other, expected),
        }
    }
}

fn text_of(literal: &Literal) -> Option<String> {
    match literal.kind {
        LiteralKind::Number => Some(literal.text.clone()),
        LiteralKind::String | LiteralKind::Heredoc => Some(literal.value.clone()),
        LiteralKind::Bool | LiteralKind::Float => None,
    }
}
