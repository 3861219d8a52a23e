//! Lines that stand close together get their `=` and their comments below each other.

use super::{Printer, comment_lines, joined, key_len};
use crate::Item;

impl Printer {
    /// The items from `start` on that are aligned with each other; possibly none.
    pub(super) fn alignable<'i>(&self, items: &'i [Item], start: usize) -> &'i [Item] {
        let mut end = start;
        while let Some(item) = items.get(end) {
            // A single item is not aligned, nor one of more than a comment and a line.
            if items.len() == 1 || self.item(item).matches('\n').count() > 1 {
                break;
            }
            let line = self.item_line(item);
            let next = items.get(end + 1).map_or(0, |next| self.item_line(next));
            // Before the first item the library sees line 0.
            let before = match end.checked_sub(1) {
                Some(before) => self.item_line(&items[before]),
                None => 0,
            };
            if line + 1 == next {
                end += 1;
            } else {
                if line == before + 1 {
                    end += 1;
                }
                break;
            }
        }
        &items[start..end]
    }

    pub(super) fn aligned(&self, items: &[Item]) -> String {
        let key_width = items.iter().filter_map(|item| item.keys.first());
        let key_width = key_width.map(key_len).max().unwrap_or(0);
        let values: Vec<String> = items.iter().map(|item| self.value(&item.value)).collect();
        let value_width = values.iter().map(String::len).max().unwrap_or(0);
        let lines: Vec<String> = items
            .iter()
            .zip(&values)
            .map(|(item, value)| self.aligned_item(item, value, key_width, value_width))
            .collect();
        lines.join("\n")
    }

    fn aligned_item(
        &self,
        item: &Item,
        value: &str,
        key_width: usize,
        value_width: usize,
    ) -> String {
        let mut out = comment_lines(&item.lead_comment);
        for key in &item.keys {
            out.push_str(&key.text);
            let width = (key_width + 1).saturating_sub(key_len(key));
            out.push_str(&" ".repeat(width));
        }
        if item.keys.len() == 1 {
            out.push_str("= ");
        }
        out.push_str(value);
        if self.on_one_line(item) && !item.line_comment.is_empty() {
            out.push_str(&" ".repeat(value_width - value.len() + 1));
            out.push_str(&joined(&item.line_comment));
        }
        out
    }
}
