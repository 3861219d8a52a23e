//! Walks through the source character by character and keeps count of lines and columns.

use crate::{ParseError, Pos};

/// What [`Cursor::next`] returns at the end of the source.
pub(crate) const EOF: char = '\0';

/// A character reserved by HashiCorp's printer; it may not be in a source.
const RESERVED: char = '\u{E123}';

#[derive(Clone, Copy, Default)]
struct Place {
    line: usize,
    column: usize,
    offset: usize,
}

/// A place in the source, moving forward, with one step back.
pub(crate) struct Cursor<'s> {
    source: &'s [u8],
    at: Place,
    previous: Place,
    last_char_len: usize,
    last_line_len: usize,
    refuse_special: bool,
    error: Option<ParseError>,
}

impl<'s> Cursor<'s> {
    /// `refuse_special`: whether NUL and the reserved character are mistakes.
    pub(crate) fn new(source: &'s [u8], refuse_special: bool) -> Self {
        let start = Place {
            line: 1,
            ..Place::default()
        };
        Self {
            source,
            at: start,
            previous: start,
            last_char_len: 0,
            last_line_len: 0,
            refuse_special,
            error: None,
        }
    }

    /// The next character, [`EOF`] at the end.
    pub(crate) fn next(&mut self) -> char {
        let Some((c, len, valid)) = decode(&self.source[self.at.offset..]) else {
            self.at.column += 1;
            self.last_char_len = 0;
            return EOF;
        };
        self.previous = self.at;
        self.at.column += 1;
        self.at.offset += len;
        self.last_char_len = len;
        if !valid {
            self.error("illegal UTF-8 encoding");
            return c;
        }
        if c == '\n' {
            self.at.line += 1;
            self.last_line_len = self.at.column;
            self.at.column = 0;
        }
        self.special(c)
    }

    fn special(&mut self, c: char) -> char {
        match c {
            EOF if self.refuse_special => {
                self.error("unexpected null character (0x00)");
                EOF
            }
            RESERVED if self.refuse_special => {
                self.error("unicode code point U+E123 reserved for internal use");
                char::REPLACEMENT_CHARACTER
            }
            c => c,
        }
    }

    /// Takes the last step back.
    pub(crate) fn back(&mut self) {
        self.at = self.previous;
    }

    /// The next character, without moving.
    pub(crate) fn peek(&self) -> char {
        decode(&self.source[self.at.offset..]).map_or(EOF, |(c, _, _)| c)
    }

    /// Bytes read so far.
    pub(crate) fn offset(&self) -> usize {
        self.at.offset
    }

    /// Where the last character read begins, in bytes.
    pub(crate) fn last_offset(&self) -> usize {
        self.at.offset - self.last_char_len
    }

    /// The bytes from `start` to `end`.
    pub(crate) fn bytes(&self, start: usize, end: usize) -> &'s [u8] {
        self.source.get(start..end).unwrap_or_default()
    }

    /// The text from `start` to here.
    pub(crate) fn text_from(&self, start: usize) -> String {
        String::from_utf8_lossy(self.bytes(start, self.at.offset)).into_owned()
    }

    /// Where the last character read stands.
    pub(crate) fn last_pos(&self) -> Pos {
        let offset = self.last_offset();
        let (line, column) = if self.at.column > 0 {
            (self.at.line, self.at.column)
        } else if self.last_line_len > 0 {
            (self.at.line - 1, self.last_line_len)
        } else {
            (1, 1)
        };
        Pos {
            line,
            column,
            offset,
        }
    }

    /// Notes a mistake at the last character read. The last mistake noted is the one told.
    pub(crate) fn error(&mut self, message: impl Into<String>) {
        self.error = Some(ParseError::new(self.last_pos(), message));
    }

    /// Whether a mistake was noted.
    pub(crate) fn has_error(&self) -> bool {
        self.error.is_some()
    }

    /// The mistake noted, if any.
    pub(crate) fn take_error(&mut self) -> Option<ParseError> {
        self.error.take()
    }
}

/// The first character, its length in bytes, and whether it is valid UTF-8.
fn decode(bytes: &[u8]) -> Option<(char, usize, bool)> {
    let first = *bytes.first()?;
    if first.is_ascii() {
        return Some((char::from(first), 1, true));
    }
    for len in 2..=4 {
        let text = bytes.get(..len).map(std::str::from_utf8);
        if let Some(Ok(text)) = text {
            let c = text.chars().next().unwrap_or(char::REPLACEMENT_CHARACTER);
            return Some((c, len, true));
        }
    }
    Some((char::REPLACEMENT_CHARACTER, 1, false))
}

/// Whether an identifier may begin with this.
pub(crate) fn is_letter(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || (!c.is_ascii() && c.is_alphabetic())
}

/// Whether this may be within an identifier, besides letters.
pub(crate) fn is_digit(c: char) -> bool {
    c.is_ascii_digit() || (!c.is_ascii() && c.is_numeric())
}

/// Whether this stands between tokens without a meaning.
pub(crate) fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}
