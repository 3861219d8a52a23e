//! Strings between two markers.

use super::scanner::Scanner;
use super::token::TokenKind;
use crate::cursor::{EOF, is_digit, is_letter};

impl Scanner<'_> {
    /// From the second `<` to the end of the line with the closing marker.
    pub(super) fn heredoc(&mut self) -> TokenKind {
        if let Err(message) = self.heredoc_or_why() {
            self.cursor.error(message);
        }
        TokenKind::Heredoc
    }

    fn heredoc_or_why(&mut self) -> Result<(), &'static str> {
        if self.cursor.next() != '<' {
            return Err("heredoc expected second '<', didn't see it");
        }
        let start = self.cursor.offset();
        let mut c = self.cursor.next();
        if c == '-' {
            c = self.cursor.next();
        }
        while is_letter(c) || is_digit(c) {
            c = self.cursor.next();
        }
        if c == EOF {
            return Err("heredoc not terminated");
        }
        if c == '\r' && self.cursor.peek() == '\n' {
            c = self.cursor.next();
        }
        if c != '\n' {
            return Err("invalid characters in heredoc anchor");
        }
        let anchor = self.cursor.bytes(start, self.cursor.last_offset());
        if anchor.is_empty() || anchor == b"-" {
            return Err("zero-length heredoc anchor");
        }
        self.heredoc_body(anchor)
    }

    fn heredoc_body(&mut self, anchor: &[u8]) -> Result<(), &'static str> {
        let marker = anchor.strip_prefix(b"-").unwrap_or(anchor);
        let mut line_start = self.cursor.offset();
        loop {
            match self.cursor.next() {
                EOF => return Err("heredoc not terminated"),
                '\n' => {
                    let line = self.cursor.bytes(line_start, self.cursor.last_offset());
                    // The library compares with the length of the whole anchor, dash included.
                    if line.len() >= anchor.len() && closes(line, marker) {
                        return Ok(());
                    }
                    line_start = self.cursor.offset();
                }
                _ => {}
            }
        }
    }
}

/// Whether a line is the marker, blanks before it and carriage returns behind it aside.
fn closes(line: &[u8], marker: &[u8]) -> bool {
    let blank = |b: &u8| matches!(b, b' ' | b'\t' | b'\n' | b'\x0b' | b'\x0c' | b'\r');
    let begin = line.iter().position(|b| !blank(b)).unwrap_or(line.len());
    match line[begin..].strip_prefix(marker) {
        Some(rest) => rest.iter().all(|b| *b == b'\r'),
        None => false,
    }
}

/// What a heredoc stands for: its text without the markers, and for `<<-` without the
/// indentation of the closing marker, if every line has it. None where the text is no heredoc.
pub(crate) fn content(text: &str) -> Option<String> {
    let first_line = text.find('\n')?;
    // Both markers are of the same length, but for the leading `<<` or `<<-` and the line end.
    if !text.starts_with("<<-") {
        return cut(text, first_line, 1);
    }
    let body = cut(text, first_line, 2)?;
    let indentation = body.rsplit('\n').next().unwrap_or_default();
    if body.split('\n').all(|line| line.starts_with(indentation)) {
        let lines: Vec<&str> = body
            .split('\n')
            .map(|line| line.strip_prefix(indentation).unwrap_or(line))
            .collect();
        return Some(lines.join("\n"));
    }
    Some(
        cut(text, first_line, 1)?
            .trim_end_matches([' ', '\t'])
            .to_owned(),
    )
}

fn cut(text: &str, first_line: usize, extra: usize) -> Option<String> {
    let end = (text.len() + extra).checked_sub(first_line)?;
    text.get(first_line + 1..end).map(str::to_owned)
}
