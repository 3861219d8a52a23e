//! Lists: on one line where they were, else one element a line.

use super::{Printer, comment_lines, indent, joined};
use crate::{List, Literal, LiteralKind, Value};

impl Printer {
    pub(super) fn list(&self, list: &List) -> String {
        if self.is_single_line(list) {
            return self.single_line(list);
        }
        let longest = list.elements.iter().filter_map(literal);
        let longest = longest.map(|literal| literal.text.len()).max().unwrap_or(0);
        let mut out = String::from("[\n");
        let mut after_empty_line = false;
        for (index, element) in list.elements.iter().enumerate() {
            let lead = literal(element).map_or(&[][..], |literal| &literal.lead_comment);
            if !lead.is_empty() {
                if !after_empty_line && index != 0 {
                    out.push('\n');
                }
                out.push_str(&indent(&comment_lines(lead)));
            }
            out.push_str(&self.element(element, longest));
            out.push('\n');
            after_empty_line = !lead.is_empty() && index + 1 != list.elements.len();
            if after_empty_line {
                out.push('\n');
            }
        }
        out.push(']');
        out
    }

    fn element(&self, element: &Value, longest: usize) -> String {
        let value = self.value(element);
        let mut out = indent(&value);
        // What follows the marker of a heredoc has to wait for the next line.
        out.push_str(if is_heredoc(element) { "\n  ," } else { "," });
        if let Some(literal) = literal(element)
            && !literal.line_comment.is_empty()
        {
            out.push_str(&" ".repeat(1 + longest.saturating_sub(value.len())));
            out.push_str(&joined(&literal.line_comment));
        }
        out
    }

    fn is_single_line(&self, list: &List) -> bool {
        list.elements.iter().all(|element| {
            literal(element).is_some_and(|literal| {
                self.line(literal.pos) == self.line(list.open)
                    && (literal.kind != LiteralKind::Heredoc || list.elements.len() == 1)
                    && literal.line_comment.is_empty()
            })
        })
    }

    fn single_line(&self, list: &List) -> String {
        let elements: Vec<String> = list
            .elements
            .iter()
            .map(|element| {
                let end = if is_heredoc(element) { "\n" } else { "" };
                format!("{}{end}", self.value(element))
            })
            .collect();
        format!("[{}]", elements.join(", "))
    }
}

fn literal(value: &Value) -> Option<&Literal> {
    match value {
        Value::Literal(literal) => Some(literal),
        _ => None,
    }
}

fn is_heredoc(value: &Value) -> bool {
    literal(value).is_some_and(|literal| literal.kind == LiteralKind::Heredoc)
}
