//! Builds the tree out of words. What is accepted, and the wording where not, is that of
//! HashiCorp's library; only its panics on text it cannot unquote have become errors.

use super::heredoc;
use super::scanner::Scanner;
use super::token::{Token, TokenKind};
use crate::source::MAX_DEPTH;
use crate::unquote::unquote_native;
use crate::{Comment, Item, Key, List, Literal, LiteralKind, Object, ParseError, Pos, Value};

/// Reads a whole source.
pub(crate) fn parse(source: &[u8]) -> Result<Object, ParseError> {
    let mut parser = Parser::new(source);
    let items = parser.object_list(false, 0);
    if let Some(error) = parser.scanner.take_error() {
        return Err(error);
    }
    match items {
        Ok(items) => Ok(Object {
            items,
            ..Object::default()
        }),
        Err(Stop::Eof(pos)) => Err(ParseError::new(pos, "EOF token found")),
        Err(Stop::Error(error)) => Err(error),
    }
}

/// Why an item was not completed.
pub(super) enum Stop {
    /// The source ended where an item could have begun, or a value.
    Eof(Pos),
    Error(ParseError),
}

impl Stop {
    fn at(pos: Pos, message: impl Into<String>) -> Self {
        Self::Error(ParseError::new(pos, message))
    }

    fn within(self, pos: Pos, what: &str) -> Self {
        let why = match self {
            Self::Eof(_) => "EOF token found".to_owned(),
            Self::Error(error) => error.to_string(),
        };
        Self::at(
            pos,
            format!("error while trying to parse {what} within list: {why}"),
        )
    }
}

pub(super) struct Parser<'s> {
    pub(super) scanner: Scanner<'s>,
    pub(super) token: Token,
    held: bool,
    pub(super) lead_comment: Vec<Comment>,
    pub(super) line_comment: Vec<Comment>,
}

impl<'s> Parser<'s> {
    fn new(source: &'s [u8]) -> Self {
        Self {
            scanner: Scanner::new(source),
            token: Token {
                kind: TokenKind::Illegal,
                pos: Pos::default(),
                text: String::new(),
            },
            held: false,
            lead_comment: Vec::new(),
            line_comment: Vec::new(),
        }
    }

    /// Moves to the next word that is no comment.
    fn scan(&mut self) -> TokenKind {
        if std::mem::take(&mut self.held) {
            return self.token.kind;
        }
        let previous_line = self.token.pos.line;
        self.token = self.scanner.scan();
        if self.token.kind == TokenKind::Comment {
            self.take_comments(previous_line);
        }
        self.token.kind
    }

    /// Has the next [`Parser::scan`] return the current word again.
    fn hold(&mut self) {
        self.held = true;
    }

    /// Items up to the end, or within braces up to the closing one, which is not taken.
    fn object_list(&mut self, within_braces: bool, depth: usize) -> Result<Vec<Item>, Stop> {
        let mut items = Vec::new();
        loop {
            if within_braces {
                let kind = self.scan();
                self.hold();
                if kind == TokenKind::RightBrace {
                    return Ok(items);
                }
            }
            match self.item(depth) {
                Ok(item) => items.push(item),
                Err(Stop::Eof(_)) => return Ok(items),
                Err(stop) => return Err(stop),
            }
            if self.scan() != TokenKind::Comma {
                self.hold();
            }
        }
    }

    fn item(&mut self, depth: usize) -> Result<Item, Stop> {
        let keys = self.keys()?;
        let lead_comment = std::mem::take(&mut self.lead_comment);
        let (assign, value) = match self.token.kind {
            TokenKind::Assign => (Some(self.token.pos), self.value(depth)?),
            TokenKind::LeftBrace => (None, Value::Object(self.object(depth)?)),
            _ => {
                let names: Vec<&str> = keys.iter().map(|key| key.text.as_str()).collect();
                let message = format!(
                    "key '{}' expected start of object ('{{') or assignment ('=')",
                    names.join(" ")
                );
                return Err(Stop::at(self.token.pos, message));
            }
        };
        let mut line_comment = std::mem::take(&mut self.line_comment);
        self.scan();
        let one_line = keys.first().map(|key| key.pos.line) == Some(value.pos().line);
        if one_line && !self.line_comment.is_empty() {
            line_comment = std::mem::take(&mut self.line_comment);
        }
        self.hold();
        Ok(Item {
            keys,
            assign,
            value,
            lead_comment,
            line_comment,
        })
    }

    /// The keys of an item and what follows them, which is left the current word.
    fn keys(&mut self) -> Result<Vec<Key>, Stop> {
        let mut keys = Vec::new();
        loop {
            let kind = self.scan();
            let pos = self.token.pos;
            match kind {
                TokenKind::Eof if keys.is_empty() => return Err(Stop::Eof(pos)),
                TokenKind::Eof => return Ok(keys),
                TokenKind::Assign if keys.len() > 1 => {
                    return Err(Stop::at(pos, "nested object expected: LBRACE got: ASSIGN"));
                }
                TokenKind::Assign if keys.is_empty() => {
                    return Err(Stop::at(pos, "no object keys found!"));
                }
                TokenKind::LeftBrace if keys.is_empty() => {
                    return Err(Stop::at(pos, "expected: IDENT | STRING got: LBRACE"));
                }
                TokenKind::Assign | TokenKind::LeftBrace => return Ok(keys),
                TokenKind::Ident | TokenKind::String => keys.push(self.key()?),
                TokenKind::RightBrace if !keys.is_empty() => {
                    self.token.kind = TokenKind::Eof;
                    return Ok(keys);
                }
                TokenKind::Illegal => return Err(Stop::at(pos, "illegal character")),
                kind => {
                    let message = format!("expected: IDENT | STRING | ASSIGN | LBRACE got: {kind}");
                    return Err(Stop::at(pos, message));
                }
            }
        }
    }

    fn key(&self) -> Result<Key, Stop> {
        let bare = self.token.kind == TokenKind::Ident;
        let text = self.token.text.clone();
        let name = if bare {
            text.clone()
        } else {
            self.unquoted(&text)?
        };
        Ok(Key {
            name,
            text,
            pos: self.token.pos,
            bare,
            json: false,
        })
    }

    fn value(&mut self, depth: usize) -> Result<Value, Stop> {
        match self.scan() {
            TokenKind::LeftBrace => self.object(depth).map(Value::Object),
            TokenKind::LeftBracket => self.list(depth).map(Value::List),
            TokenKind::Eof => Err(Stop::Eof(self.token.pos)),
            kind => match literal_kind(kind) {
                Some(kind) => self.literal(kind).map(Value::Literal),
                None => {
                    let message = format!("Unknown token: {}", self.token);
                    Err(Stop::at(self.token.pos, message))
                }
            },
        }
    }

    /// An object whose opening brace is the current word.
    fn object(&mut self, depth: usize) -> Result<Object, Stop> {
        let open = self.deeper(depth)?;
        let items = self.object_list(true, depth + 1)?;
        match self.scan() {
            TokenKind::RightBrace => Ok(Object {
                items,
                open,
                close: self.token.pos,
            }),
            kind => {
                let message = format!("object expected closing RBRACE got: {kind}");
                Err(Stop::at(self.token.pos, message))
            }
        }
    }

    /// A list whose opening bracket is the current word.
    fn list(&mut self, depth: usize) -> Result<List, Stop> {
        let open = self.deeper(depth)?;
        let mut elements = Vec::new();
        let mut need_comma = false;
        loop {
            let kind = self.scan();
            let pos = self.token.pos;
            if need_comma && !matches!(kind, TokenKind::Comma | TokenKind::RightBracket) {
                let message =
                    format!("error parsing list, expected comma or list end, got: {kind}");
                return Err(Stop::at(pos, message));
            }
            match kind {
                TokenKind::Comma => {
                    self.comment_behind_comma(&mut elements);
                    need_comma = false;
                }
                TokenKind::LeftBrace => {
                    let object = self.object(depth + 1);
                    elements.push(Value::Object(object.map_err(|s| s.within(pos, "object"))?));
                    need_comma = true;
                }
                TokenKind::LeftBracket => {
                    let list = self.list(depth + 1);
                    elements.push(Value::List(list.map_err(|s| s.within(pos, "list"))?));
                }
                TokenKind::RightBracket => {
                    return Ok(List {
                        elements,
                        open,
                        close: pos,
                    });
                }
                kind => {
                    let message = format!("unexpected token while parsing list: {kind}");
                    let kind = literal_kind(kind).ok_or_else(|| Stop::at(pos, message))?;
                    let mut literal = self.literal(kind)?;
                    literal.lead_comment = std::mem::take(&mut self.lead_comment);
                    elements.push(Value::Literal(literal));
                    need_comma = true;
                }
            }
        }
    }

    fn comment_behind_comma(&mut self, elements: &mut [Value]) {
        self.scan();
        if let (false, Some(Value::Literal(last))) =
            (self.line_comment.is_empty(), elements.last_mut())
        {
            last.line_comment = std::mem::take(&mut self.line_comment);
        }
        self.hold();
    }

    fn literal(&self, kind: LiteralKind) -> Result<Literal, Stop> {
        let text = self.token.text.clone();
        let value = match kind {
            LiteralKind::String => self.unquoted(&text)?,
            LiteralKind::Heredoc => self.meaning(&text, heredoc::content(&text))?,
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

    fn unquoted(&self, text: &str) -> Result<String, Stop> {
        self.meaning(text, unquote_native(text))
    }

    /// A text without a meaning stops nothing if the scanner has complained already: it may have
    /// more to say, and its last word counts.
    fn meaning(&self, text: &str, meaning: Option<String>) -> Result<String, Stop> {
        match meaning {
            None if self.scanner.cursor.has_error() => Ok(String::new()),
            None => Err(Stop::at(self.token.pos, format!("invalid string {text}"))),
            Some(meaning) => Ok(meaning),
        }
    }

    /// The current place, unless it is nested deeper than anything sane.
    fn deeper(&self, depth: usize) -> Result<Pos, Stop> {
        if depth < MAX_DEPTH {
            return Ok(self.token.pos);
        }
        Err(Stop::at(
            self.token.pos,
            format!("nested deeper than {MAX_DEPTH} levels"),
        ))
    }
}

fn literal_kind(kind: TokenKind) -> Option<LiteralKind> {
    match kind {
        TokenKind::Number => Some(LiteralKind::Number),
        TokenKind::Float => Some(LiteralKind::Float),
        TokenKind::Bool => Some(LiteralKind::Bool),
        TokenKind::String => Some(LiteralKind::String),
        TokenKind::Heredoc => Some(LiteralKind::Heredoc),
        _ => None,
    }
}
