//! From text to document.

use crate::section::{Section, View};
use crate::{Object, ParseError, Pos, Report, json, native};

/// How deep blocks and lists may be nested. HashiCorp's library knows no limit; this one keeps
/// hostile input from exhausting the stack.
pub(crate) const MAX_DEPTH: usize = 100;

/// A text to read, and what to call it in messages.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Source {
    /// The file's name, as the user gave it.
    pub name: String,
    /// Its content.
    pub text: String,
}

/// A text that was read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Document {
    /// The file's name, as the user gave it.
    pub name: String,
    /// Everything in it.
    pub root: Object,
}

impl Document {
    /// The whole document as a section without a name.
    pub fn section<'a>(&'a self, report: &'a Report) -> Section<'a> {
        let views = self.root.items.iter().map(View::whole).collect();
        Section::new(&self.name, String::new(), Pos::default(), views, report)
    }
}

/// Reads HCL 1, or JSON if the first thing in the text is `{`.
///
/// # Errors
/// With the place and HashiCorp's wording of the first thing (among mistakes in single words: the
/// last) that makes no sense.
pub fn parse(source: &Source) -> Result<Document, ParseError> {
    parse_bytes(&source.name, source.text.as_bytes())
}

/// Like [`parse`], from bytes that may not be text at all.
///
/// # Errors
/// As [`parse`], and where the bytes are no UTF-8.
pub fn parse_bytes(name: &str, bytes: &[u8]) -> Result<Document, ParseError> {
    let root = if is_json(bytes) {
        json::parse(bytes)?
    } else {
        native::parse(&without_carriage_returns(bytes))?
    };
    Ok(Document {
        name: name.to_owned(),
        root,
    })
}

fn is_json(bytes: &[u8]) -> bool {
    let valid = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
    };
    valid.trim_start().starts_with('{')
}

/// Line ends of Windows become those of Unix.
fn without_carriage_returns(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for (at, byte) in bytes.iter().enumerate() {
        if *byte == b'\r' && bytes.get(at + 1) == Some(&b'\n') {
            continue;
        }
        out.push(*byte);
    }
    out
}
