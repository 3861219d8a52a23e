//! Builds the tree out of JSON's words. Like the library it is lenient: what follows the root
//! object is not looked at, and a truth value or a list within a list is dropped.

use super::flatten::flatten;
use super::scanner::{Token, TokenKind, scan};
use crate::cursor::Cursor;
use crate::source::MAX_DEPTH;
use crate::unquote::unquote_json;
use crate::{Item, Key, List, Literal, LiteralKind, Object, ParseError, Pos, Value};

/// Reads a whole source.
pub(crate) fn parse(source: &[u8]) -> Result<Object, ParseError> {
    let mut parser = Parser {
        cursor: Cursor::new(source, false),
        token: Token {
            kind: TokenKind::Illegal,
            pos: Pos::default(),
            text: String::new(),
        },
    };
    let root = parser.root();
    if let Some(error) = parser.cursor.take_error() {
        return Err(error);
    }
    match root {
        Ok(items) => Ok(Object {
            items: flatten(items),
            ..Object::default()
        }),
        Err(Stop::Eof(pos)) => Err(ParseError::new(pos, "EOF token found")),
        Err(Stop::Error(error)) => Err(error),
    }
}

/// Why an item was not completed.
enum Stop {
    Eof(Pos),
    Error(ParseError),
}

struct Parser<'s> {
    cursor: Cursor<'s>,
    token: Token,
}

impl Parser<'_> {
    fn scan(&mut self) -> TokenKind {
        self.token = scan(&mut self.cursor);
        self.token.kind
    }

    fn root(&mut self) -> Result<Vec<Item>, Stop> {
        match self.scan() {
            TokenKind::LeftBrace => self.object(0).map(|object| object.items),
            TokenKind::Eof => Err(Stop::Eof(self.token.pos)),
            _ => {
                let message = format!("Expected object, got unknown token: {}", self.token);
                Err(self.stop(message))
            }
        }
    }

    /// An object whose opening brace is the current word.
    fn object(&mut self, depth: usize) -> Result<Object, Stop> {
        let open = self.deeper(depth)?;
        let mut items = Vec::new();
        loop {
            match self.item(depth) {
                Ok(item) => items.push(item),
                Err(Stop::Eof(_)) => break,
                // Whatever was amiss, a closing brace settles it: a comma before it, for one.
                Err(Stop::Error(_)) if self.token.kind == TokenKind::RightBrace => break,
                Err(stop) => return Err(stop),
            }
            if self.scan() != TokenKind::Comma {
                break;
            }
        }
        Ok(Object {
            items,
            open,
            close: self.token.pos,
        })
    }

    fn item(&mut self, depth: usize) -> Result<Item, Stop> {
        let keys = self.keys()?;
        let assign = Some(self.token.pos);
        let value = self.value(depth)?;
        Ok(Item {
            keys,
            assign,
            value,
            lead_comment: Vec::new(),
            line_comment: Vec::new(),
        })
    }

    fn keys(&mut self) -> Result<Vec<Key>, Stop> {
        let mut keys = Vec::new();
        loop {
            match self.scan() {
                TokenKind::Eof => return Err(Stop::Eof(self.token.pos)),
                TokenKind::String => keys.push(Key {
                    name: self.unquoted()?,
                    text: self.token.text.clone(),
                    pos: self.token.pos,
                    bare: false,
                    json: true,
                }),
                TokenKind::Colon if !keys.is_empty() => return Ok(keys),
                TokenKind::Illegal => return Err(self.stop("illegal")),
                kind => return Err(self.stop(format!("expected: STRING got: {kind}"))),
            }
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value, Stop> {
        match self.scan() {
            TokenKind::LeftBrace => self.object(depth + 1).map(Value::Object),
            TokenKind::LeftBracket => self.list(depth + 1).map(Value::List),
            TokenKind::Eof => Err(Stop::Eof(self.token.pos)),
            kind => match literal_kind(kind) {
                Some(kind) => self.literal(kind).map(Value::Literal),
                None => {
                    let token = &self.token;
                    let message = format!("Expected object value, got unknown token: {token}");
                    Err(self.stop(message))
                }
            },
        }
    }

    /// A list whose opening bracket is the current word.
    fn list(&mut self, depth: usize) -> Result<List, Stop> {
        let open = self.deeper(depth)?;
        let mut elements = Vec::new();
        loop {
            match self.scan() {
                TokenKind::Number => elements.push(self.element(LiteralKind::Number)?),
                TokenKind::Float => elements.push(self.element(LiteralKind::Float)?),
                TokenKind::String => elements.push(self.element(LiteralKind::String)?),
                TokenKind::LeftBrace => elements.push(Value::Object(self.object(depth + 1)?)),
                TokenKind::Comma | TokenKind::Bool | TokenKind::LeftBracket => {}
                TokenKind::RightBracket => {
                    return Ok(List {
                        elements,
                        open,
                        close: self.token.pos,
                    });
                }
                kind => {
                    return Err(self.stop(format!("unexpected token while parsing list: {kind}")));
                }
            }
        }
    }

    fn element(&self, kind: LiteralKind) -> Result<Value, Stop> {
        self.literal(kind).map(Value::Literal)
    }

    fn literal(&self, kind: LiteralKind) -> Result<Literal, Stop> {
        let null = self.token.kind == TokenKind::Null;
        let text = if null {
            String::new()
        } else {
            self.token.text.clone()
        };
        let value = match kind {
            LiteralKind::String if !null => self.unquoted()?,
            _ => text.clone(),
        };
        Ok(Literal {
            kind,
            text,
            value,
            pos: self.token.pos,
            lead_comment: Vec::new(),
            line_comment: Vec::new(),
        })
    }

    /// A string without a meaning stops nothing if the scanner has complained already: it may
    /// have more to say, and its last word counts.
    fn unquoted(&self) -> Result<String, Stop> {
        let text = &self.token.text;
        match unquote_json(text) {
            None if self.cursor.has_error() => Ok(String::new()),
            None => Err(self.stop(format!("invalid string {text}"))),
            Some(meaning) => Ok(meaning),
        }
    }

    fn deeper(&self, depth: usize) -> Result<Pos, Stop> {
        if depth < MAX_DEPTH {
            return Ok(self.token.pos);
        }
        Err(self.stop(format!("nested deeper than {MAX_DEPTH} levels")))
    }

    fn stop(&self, message: impl Into<String>) -> Stop {
        Stop::Error(ParseError::new(self.token.pos, message))
    }
}

fn literal_kind(kind: TokenKind) -> Option<LiteralKind> {
    match kind {
        TokenKind::Number => Some(LiteralKind::Number),
        TokenKind::Float => Some(LiteralKind::Float),
        TokenKind::Bool => Some(LiteralKind::Bool),
        TokenKind::String | TokenKind::Null => Some(LiteralKind::String),
        _ => None,
    }
}
