//! From text to document.

use crate::section::{Section, View};
use crate::{Object, ParseError, Pos, Report};

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
pub fn parse(source: &Source) -> Result<Document, ParseError> {
    let root = Object::default();
    if !source.text.is_empty() {
        return Err(ParseError::new(
            Pos::default(),
            "the reader is not there yet",
        ));
    }
    Ok(Document {
        name: source.name.clone(),
        root,
    })
}
