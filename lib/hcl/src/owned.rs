//! A part of a document that outlives the reading of the rest.

use std::sync::Arc;

use crate::section::{Section, View};
use crate::{Item, Object, Pos, Report};

/// An object that was taken out of a document, such as a plugin's `plugin_data`, to be read by
/// someone else, somewhere else, later. Cheap to clone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OwnedSection {
    file: Arc<str>,
    path: Arc<str>,
    pos: Pos,
    items: Arc<[Item]>,
}

impl OwnedSection {
    pub(crate) fn new(file: &str, path: &str, pos: Pos, items: Vec<Item>) -> Self {
        Self {
            file: file.into(),
            path: path.into(),
            pos,
            items: items.into(),
        }
    }

    /// The content of a file of its own (`plugin_data_file`), under the name `path`.
    pub fn from_object(file: &str, path: &str, object: &Object) -> Self {
        Self::new(file, path, object.open, object.items.clone())
    }

    /// The same under another name.
    pub fn renamed(mut self, path: &str) -> Self {
        self.path = path.into();
        self
    }

    /// A view for reading; what is wrong goes into `report`.
    pub fn section<'a>(&'a self, report: &'a Report) -> Section<'a> {
        let views = self.items.iter().map(View::whole).collect();
        Section::new(&self.file, self.path.to_string(), self.pos, views, report)
    }

    /// The name of the section, for messages.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The file it was read from; empty if from none.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Where it begins.
    pub fn pos(&self) -> Pos {
        self.pos
    }

    /// Whether nothing at all is written in it.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The same as an object, for printing.
    pub fn to_object(&self) -> Object {
        Object {
            items: self.items.to_vec(),
            open: self.pos,
            close: Pos::default(),
        }
    }
}

/// A section in which nothing is written, for a plugin without `plugin_data`.
pub fn empty(path: &str) -> OwnedSection {
    OwnedSection::new("", path, Pos::default(), Vec::new())
}
