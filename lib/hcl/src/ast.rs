//! The syntax tree: what was written, where, and with which comments.

use std::fmt;

/// A place in the source. Lines and columns count from 1, columns in characters.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Pos {
    /// The line; 0 when the place is not known.
    pub line: usize,
    /// The column within the line.
    pub column: usize,
    /// Bytes from the beginning.
    pub offset: usize,
}

impl Pos {
    /// Whether this names a place at all.
    pub fn is_known(self) -> bool {
        self.line > 0
    }
}

impl fmt::Display for Pos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_known() {
            write!(f, "{}:{}", self.line, self.column)
        } else {
            f.write_str("-")
        }
    }
}

/// One comment, its marker included.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Comment {
    /// Where it begins.
    pub pos: Pos,
    /// Its text as written.
    pub text: String,
}

/// The items between two braces, or those of a whole file.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Object {
    /// The items, in the order written.
    pub items: Vec<Item>,
    /// Where `{` stands; unknown for a whole file.
    pub open: Pos,
    /// Where `}` stands; unknown for a whole file.
    pub close: Pos,
}

/// `key = value`, `key { .. }` or `key "label" { .. }`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Item {
    /// The key and its labels; never empty.
    pub keys: Vec<Key>,
    /// Where `=` (in JSON `:`) stands, if there is one.
    pub assign: Option<Pos>,
    /// What it is set to.
    pub value: Value,
    /// The comment right above.
    pub lead_comment: Vec<Comment>,
    /// The comment behind it, on the same line.
    pub line_comment: Vec<Comment>,
}

/// One key or label of an item.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Key {
    /// The name it stands for, unquoted.
    pub name: String,
    /// As written, quotes included.
    pub text: String,
    /// Where it stands.
    pub pos: Pos,
    /// Whether it is written without quotes.
    pub bare: bool,
    /// Whether it comes from a JSON document.
    pub json: bool,
}

/// What an item, or an element of a list, is set to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Value {
    /// A number, truth value or string.
    Literal(Literal),
    /// `[ .. ]`
    List(List),
    /// `{ .. }`
    Object(Object),
}

impl Value {
    /// Where the value begins.
    pub fn pos(&self) -> Pos {
        match self {
            Self::Literal(literal) => literal.pos,
            Self::List(list) => list.open,
            Self::Object(object) => object.open,
        }
    }

    /// What kind of thing this is, in words for a message.
    pub fn describe(&self) -> &'static str {
        match self {
            Self::Literal(literal) => literal.kind.describe(),
            Self::List(_) => "a list",
            Self::Object(_) => "a block",
        }
    }
}

/// A list and where it stands.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct List {
    /// The elements, in the order written.
    pub elements: Vec<Value>,
    /// Where `[` stands.
    pub open: Pos,
    /// Where `]` stands.
    pub close: Pos,
}

/// A single value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Literal {
    /// What it is.
    pub kind: LiteralKind,
    /// As written, quotes and markers included.
    pub text: String,
    /// A string's or heredoc's content; the text itself for everything else.
    pub value: String,
    /// Where it stands.
    pub pos: Pos,
    /// The comment right above, for elements of a list.
    pub lead_comment: Vec<Comment>,
    /// The comment behind it, for elements of a list.
    pub line_comment: Vec<Comment>,
}

/// The kinds of single values.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LiteralKind {
    /// A whole number: decimal, `0x` or with a leading zero octal.
    Number,
    /// A number with a fraction or an exponent.
    Float,
    /// `true` or `false`.
    Bool,
    /// A string in quotes; also JSON's `null`, which reads as an empty string.
    String,
    /// A string between two markers, `<<EOF`.
    Heredoc,
}

impl LiteralKind {
    fn describe(self) -> &'static str {
        match self {
            Self::Number => "a number",
            Self::Float => "a number with a fraction",
            Self::Bool => "a truth value",
            Self::String | Self::Heredoc => "a string",
        }
    }
}
