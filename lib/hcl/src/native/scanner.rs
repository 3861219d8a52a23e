//! Cuts the source into words.

use super::token::{Token, TokenKind};
use crate::ParseError;
use crate::cursor::{Cursor, EOF, is_blank, is_digit, is_letter};

pub(super) struct Scanner<'s> {
    pub(super) cursor: Cursor<'s>,
}

impl<'s> Scanner<'s> {
    pub(super) fn new(source: &'s [u8]) -> Self {
        Self {
            cursor: Cursor::new(source, true),
        }
    }

    pub(super) fn take_error(&mut self) -> Option<ParseError> {
        self.cursor.take_error()
    }

    /// The next word; [`TokenKind::Eof`] again and again at the end.
    pub(super) fn scan(&mut self) -> Token {
        let mut c = self.cursor.next();
        while is_blank(c) {
            c = self.cursor.next();
        }
        let start = self.cursor.last_offset();
        let pos = self.cursor.last_pos();
        let kind = self.word(c, start);
        let text = self.cursor.text_from(start);
        Token { kind, pos, text }
    }

    fn word(&mut self, c: char, start: usize) -> TokenKind {
        match c {
            c if is_letter(c) => self.identifier(start),
            '0'..='9' => self.number(c),
            EOF => TokenKind::Eof,
            '"' => self.string(),
            '#' | '/' => self.comment(c),
            '.' => self.period(),
            '<' => self.heredoc(),
            '[' => TokenKind::LeftBracket,
            ']' => TokenKind::RightBracket,
            '{' => TokenKind::LeftBrace,
            '}' => TokenKind::RightBrace,
            ',' => TokenKind::Comma,
            '=' => TokenKind::Assign,
            '+' => TokenKind::Add,
            '-' if self.cursor.peek().is_ascii_digit() => {
                let c = self.cursor.next();
                self.number(c)
            }
            '-' => TokenKind::Sub,
            _ => {
                self.cursor.error("illegal char");
                TokenKind::Illegal
            }
        }
    }

    fn identifier(&mut self, start: usize) -> TokenKind {
        let mut c = self.cursor.next();
        while is_letter(c) || is_digit(c) || c == '-' || c == '.' {
            c = self.cursor.next();
        }
        if c != EOF {
            self.cursor.back();
        }
        match self.cursor.bytes(start, self.cursor.offset()) {
            b"true" | b"false" => TokenKind::Bool,
            _ => TokenKind::Ident,
        }
    }

    fn period(&mut self) -> TokenKind {
        let c = self.cursor.peek();
        if !c.is_ascii_digit() {
            return TokenKind::Period;
        }
        let c = self.cursor.mantissa(c);
        self.cursor.exponent(c);
        TokenKind::Float
    }

    fn number(&mut self, c: char) -> TokenKind {
        if c == '0' {
            return self.number_from_zero();
        }
        self.cursor.mantissa(c);
        let c = self.cursor.next();
        self.number_end(c)
    }

    /// What may follow the whole part of a number: exponent, fraction or neither.
    fn number_end(&mut self, c: char) -> TokenKind {
        match c {
            'e' | 'E' => {
                self.cursor.exponent(c);
                TokenKind::Float
            }
            '.' => {
                self.cursor.after_point();
                TokenKind::Float
            }
            _ => {
                if c != EOF {
                    self.cursor.back();
                }
                TokenKind::Number
            }
        }
    }

    fn number_from_zero(&mut self) -> TokenKind {
        let mut c = self.cursor.next();
        if matches!(c, 'x' | 'X') {
            return self.hexadecimal();
        }
        let mut illegal_octal = false;
        while c.is_ascii_digit() {
            c = self.cursor.next();
            illegal_octal |= matches!(c, '8' | '9');
        }
        if illegal_octal && !matches!(c, 'e' | 'E' | '.') {
            self.cursor.error("illegal octal number");
        }
        self.number_end(c)
    }

    fn hexadecimal(&mut self) -> TokenKind {
        let mut c = self.cursor.next();
        let mut found = false;
        while c.is_ascii_hexdigit() {
            c = self.cursor.next();
            found = true;
        }
        if !found {
            self.cursor.error("illegal hexadecimal number");
        }
        if c != EOF {
            self.cursor.back();
        }
        TokenKind::Number
    }

    fn comment(&mut self, c: char) -> TokenKind {
        let next = self.cursor.peek();
        if c == '#' || next == '/' {
            self.line_comment();
        } else if next == '*' {
            self.cursor.next();
            self.block_comment();
        } else {
            self.cursor.error("expected '/' for comment");
        }
        TokenKind::Comment
    }

    fn line_comment(&mut self) {
        let mut c = self.cursor.next();
        while c != '\n' && c != EOF {
            c = self.cursor.next();
        }
        if c != EOF {
            self.cursor.back();
        }
    }

    fn block_comment(&mut self) {
        let mut c = self.cursor.next();
        loop {
            if c == EOF {
                self.cursor.error("comment not terminated");
                return;
            }
            let before = c;
            c = self.cursor.next();
            if before == '*' && c == '/' {
                return;
            }
        }
    }

    /// A string; within `${` and `}` quotes and line ends are part of it.
    fn string(&mut self) -> TokenKind {
        let mut braces = 0_usize;
        loop {
            let c = self.cursor.next();
            if c == EOF || (c == '\n' && braces == 0) {
                self.cursor.error("literal not terminated");
                return TokenKind::String;
            }
            if c == '"' && braces == 0 {
                return TokenKind::String;
            }
            if braces == 0 && c == '$' && self.cursor.peek() == '{' {
                braces = 1;
                self.cursor.next();
            } else if braces > 0 && c == '{' {
                braces += 1;
            }
            if c == '}' {
                braces = braces.saturating_sub(1);
            }
            if c == '\\' {
                self.cursor.escape();
            }
        }
    }
}
