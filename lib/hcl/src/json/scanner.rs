//! Cuts JSON into words.

use std::fmt;

use crate::Pos;
use crate::cursor::{Cursor, EOF, is_blank, is_digit, is_letter};

/// The kinds of words, named in messages as HashiCorp's library names them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum TokenKind {
    Illegal,
    Eof,
    Number,
    Float,
    Bool,
    String,
    Null,
    LeftBracket,
    LeftBrace,
    Comma,
    Period,
    Colon,
    RightBracket,
    RightBrace,
}

impl fmt::Display for TokenKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Illegal => "ILLEGAL",
            Self::Eof => "EOF",
            Self::Number => "NUMBER",
            Self::Float => "FLOAT",
            Self::Bool => "BOOL",
            Self::String => "STRING",
            Self::Null => "NULL",
            Self::LeftBracket => "LBRACK",
            Self::LeftBrace => "LBRACE",
            Self::Comma => "COMMA",
            Self::Period => "PERIOD",
            Self::Colon => "COLON",
            Self::RightBracket => "RBRACK",
            Self::RightBrace => "RBRACE",
        })
    }
}

/// One word.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) pos: Pos,
    pub(super) text: String,
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.pos, self.kind, self.text)
    }
}

/// The next word; [`TokenKind::Eof`] again and again at the end.
pub(super) fn scan(cursor: &mut Cursor<'_>) -> Token {
    let mut c = cursor.next();
    while is_blank(c) {
        c = cursor.next();
    }
    let start = cursor.last_offset();
    let pos = cursor.last_pos();
    let kind = word(cursor, c, start);
    let text = cursor.text_from(start);
    Token { kind, pos, text }
}

fn word(cursor: &mut Cursor<'_>, c: char, start: usize) -> TokenKind {
    match c {
        c if is_letter(c) => identifier(cursor, start),
        '0'..='9' => number(cursor, c),
        EOF => TokenKind::Eof,
        '"' => string(cursor),
        '.' => period(cursor),
        '[' => TokenKind::LeftBracket,
        ']' => TokenKind::RightBracket,
        '{' => TokenKind::LeftBrace,
        '}' => TokenKind::RightBrace,
        ',' => TokenKind::Comma,
        ':' => TokenKind::Colon,
        '-' if cursor.peek().is_ascii_digit() => {
            let c = cursor.next();
            number(cursor, c)
        }
        '-' => {
            cursor.error("illegal char");
            TokenKind::Illegal
        }
        c => {
            cursor.error(format!("illegal char: {c}"));
            TokenKind::Illegal
        }
    }
}

fn identifier(cursor: &mut Cursor<'_>, start: usize) -> TokenKind {
    let mut c = cursor.next();
    while is_letter(c) || is_digit(c) || c == '-' {
        c = cursor.next();
    }
    if c != EOF {
        cursor.back();
    }
    match cursor.bytes(start, cursor.offset()) {
        b"true" | b"false" => TokenKind::Bool,
        b"null" => TokenKind::Null,
        _ => {
            cursor.error("illegal char");
            TokenKind::Illegal
        }
    }
}

fn period(cursor: &mut Cursor<'_>) -> TokenKind {
    let c = cursor.peek();
    if !c.is_ascii_digit() {
        return TokenKind::Period;
    }
    let c = cursor.mantissa(c);
    cursor.exponent(c);
    TokenKind::Float
}

fn number(cursor: &mut Cursor<'_>, first: char) -> TokenKind {
    let start = cursor.offset();
    cursor.mantissa(first);
    let c = cursor.next();
    match c {
        'e' | 'E' => {
            cursor.exponent(c);
            return TokenKind::Float;
        }
        '.' => {
            cursor.after_point();
            return TokenKind::Float;
        }
        EOF => {}
        _ => cursor.back(),
    }
    // At the very end the library takes even a lone zero for the beginning of more.
    if first == '0' && (c == EOF || cursor.offset() != start) {
        cursor.error("numbers cannot start with 0");
    }
    TokenKind::Number
}

fn string(cursor: &mut Cursor<'_>) -> TokenKind {
    loop {
        match cursor.next() {
            '\n' | EOF => {
                cursor.error("literal not terminated");
                return TokenKind::String;
            }
            '"' => return TokenKind::String,
            '\\' => cursor.escape(),
            _ => {}
        }
    }
}
