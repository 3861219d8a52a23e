//! Typed questions to a part of a document.

mod scalar;
mod view;

use std::sync::{Mutex, PoisonError};

use crate::{Item, Key, Kind, OwnedSection, Pos, Problem, Report, Value, nearest};

pub(crate) use view::View;
use view::same_key;

/// What stands under a key, seen as one: a single object, or repeated blocks and assignments
/// merged in the order written.
///
/// Keys match without regard to case, as HashiCorp's library matches them. Every question marks
/// its key as known; a value that does not fit is told to the [`Report`] and answered like an
/// absent one. Where a key is repeated, the last value counts, and lists add up.
#[derive(Debug)]
pub struct Section<'a> {
    file: &'a str,
    path: String,
    pos: Pos,
    views: Vec<View<'a>>,
    report: &'a Report,
    asked: Mutex<Vec<String>>,
}

impl<'a> Section<'a> {
    pub(crate) fn new(
        file: &'a str,
        path: String,
        pos: Pos,
        views: Vec<View<'a>>,
        report: &'a Report,
    ) -> Self {
        Self {
            file,
            path,
            pos,
            views,
            report,
            asked: Mutex::default(),
        }
    }

    /// The name of the section, for messages; empty for a whole document.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The same under another name, for messages.
    pub fn named(mut self, path: String) -> Self {
        self.path = path;
        self
    }

    /// The file it was read from.
    pub fn file(&self) -> &'a str {
        self.file
    }

    /// Where it begins.
    pub fn pos(&self) -> Pos {
        self.pos
    }

    /// The report that mistakes go into.
    pub fn report(&self) -> &'a Report {
        self.report
    }

    /// Whether nothing is written in it.
    pub fn is_empty(&self) -> bool {
        self.views.is_empty()
    }

    /// Whether the key is there, with whatever value.
    pub fn has(&self, key: &str) -> bool {
        !self.find(key).is_empty()
    }

    /// The object under `key`.
    pub fn section(&self, key: &str) -> Option<Section<'a>> {
        let found = self.find(key);
        let pos = found.first()?.pos();
        let mut views = Vec::new();
        for view in found {
            match (view.deeper(), view.value()) {
                (Some(deeper), _) => views.push(deeper),
                (None, Value::Object(object)) => views.extend(object.items.iter().map(View::whole)),
                (None, other) => self.expected(key, other, "a block"),
            }
        }
        Some(self.child(self.child_path(key), pos, views))
    }

    /// The objects under `key`: a list of objects, or one for each block.
    pub fn sections(&self, key: &str) -> Vec<Section<'a>> {
        let mut sections = Vec::new();
        for view in self.find(key) {
            match (view.element(), view.value()) {
                (Some(deeper), _) => sections.push((view.pos(), vec![deeper])),
                (None, Value::Object(object)) => {
                    sections.push((view.pos(), object.items.iter().map(View::whole).collect()));
                }
                (None, Value::List(list)) => {
                    for element in &list.elements {
                        match element {
                            Value::Object(object) => sections.push((
                                object.open,
                                object.items.iter().map(View::whole).collect(),
                            )),
                            other => self.expected(key, other, "a block"),
                        }
                    }
                }
                (None, other) => self.expected(key, other, "a block or a list of blocks"),
            }
        }
        sections
            .into_iter()
            .map(|(pos, views)| self.child(self.child_path(key), pos, views))
            .collect()
    }

    /// The named objects under `key` (`key "name" { .. }` or `key { name { .. } }`), in the order
    /// written; those of the same name are merged. Names are told apart by case.
    pub fn labelled(&self, key: &str) -> Vec<(String, Section<'a>)> {
        let Some(section) = self.section(key) else {
            return Vec::new();
        };
        let mut merged: Vec<(String, Section<'a>)> = Vec::new();
        for (label, entry) in section.entries() {
            match merged.iter_mut().find(|(name, _)| *name == label.name) {
                Some((_, section)) => section.views.extend(entry.views),
                None => merged.push((label.name.clone(), entry)),
            }
        }
        merged
    }

    /// Every item of this section as a named object, one for each time it is written. (A JSON
    /// object that was flattened into several items was written once.)
    pub fn entries(&self) -> Vec<(&'a Key, Section<'a>)> {
        let mut entries: Vec<(&'a Key, Section<'a>)> = Vec::new();
        for view in &self.views {
            let Some(label) = view.key() else { continue };
            self.mark(&label.name);
            let path = self.child_path(&format!("{:?}", label.name));
            let views = match (view.deeper(), view.value()) {
                (Some(deeper), _) => vec![deeper],
                (None, Value::Object(object)) => object.items.iter().map(View::whole).collect(),
                (None, other) => {
                    self.expected(&label.name, other, "a block");
                    continue;
                }
            };
            match entries.last_mut() {
                Some((last, section)) if label.json && last.pos == label.pos => {
                    section.views.extend(views);
                }
                _ => entries.push((label, self.child(path, label.pos, views))),
            }
        }
        entries
    }

    /// A copy that outlives the document.
    pub fn to_owned_section(&self) -> OwnedSection {
        let items: Vec<Item> = self.views.iter().map(|view| view.to_item()).collect();
        OwnedSection::new(self.file, &self.path, self.pos, items)
    }

    /// Marks keys as known without reading them.
    pub fn known(&self, keys: &[&str]) {
        keys.iter().for_each(|key| self.mark(key));
    }

    /// Refuses `key` if it is there: it is known, but what it asks for is not there yet.
    pub fn unsupported(&self, key: &str, what: &str) {
        if self.has(key) {
            let message = format!("{key} is not supported yet ({what}); take it out to go on");
            self.tell(key, message, Kind::Unsupported);
        }
    }

    /// Tells that the value of `key` is not acceptable.
    pub fn problem(&self, key: &str, message: impl AsRef<str>) {
        let message = format!("{key}: {}", message.as_ref());
        self.tell(key, message, Kind::BadValue);
    }

    /// Tells anything about `key`, in exactly these words.
    pub fn tell(&self, key: &str, message: impl Into<String>, kind: Kind) {
        let problem = self.describe(self.pos_of(key), message.into(), kind);
        self.report.add(problem);
    }

    /// Tells that `key` has to be there.
    pub fn missing(&self, key: &str) {
        self.tell(key, format!("{key} must be configured"), Kind::Missing);
    }

    /// Tells something about `key` that stops nothing.
    pub fn warn(&self, key: &str, message: impl AsRef<str>) {
        let message = format!("{key}: {}", message.as_ref());
        self.report
            .warn(self.describe(self.pos_of(key), message, Kind::BadValue));
    }

    /// Reports every key that was never asked for, with the nearest of those that were.
    ///
    /// A key in quotes that nobody asked for is only warned about: SPIRE lets it pass, so files
    /// exist that have some.
    pub fn finish(&self) {
        for (key, problem) in self.unknown() {
            if key.bare || key.json {
                self.report.add(problem);
            } else {
                self.report.warn(problem);
            }
        }
    }

    /// Like [`Section::finish`], but only warns: for sections where SPIRE ignores what it does not
    /// know.
    pub fn finish_tolerant(&self) {
        for (_, mut problem) in self.unknown() {
            problem.message.push_str(", ignored");
            self.report.warn(problem);
        }
    }

    fn unknown(&self) -> Vec<(&'a Key, Problem)> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let unknown = self.views.iter().filter_map(View::key).filter(|key| {
            let name = key.name.as_str();
            !asked.iter().any(|asked| same_key(asked, name))
        });
        unknown
            .map(|key| {
                let message = format!("unknown key {:?}", key.name);
                let mut problem = self.describe(key.pos, message, Kind::UnknownKey);
                let known = asked.iter().map(String::as_str);
                problem.suggestion = nearest(&key.name, known).map(str::to_owned);
                (key, problem)
            })
            .collect()
    }

    /// The items under `key`, marking it as known.
    fn find(&self, key: &str) -> Vec<View<'a>> {
        self.mark(key);
        let matches = |view: &&View<'a>| view.key().is_some_and(|k| same_key(&k.name, key));
        self.views.iter().filter(matches).copied().collect()
    }

    fn mark(&self, key: &str) {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if !asked.iter().any(|known| known == key) {
            asked.push(key.to_owned());
        }
    }

    fn child(&self, path: String, pos: Pos, views: Vec<View<'a>>) -> Section<'a> {
        Section::new(self.file, path, pos, views, self.report)
    }

    fn child_path(&self, key: &str) -> String {
        match (self.path.is_empty(), key.starts_with('"')) {
            (true, _) => key.trim_matches('"').to_owned(),
            (false, true) => format!("{} {key}", self.path),
            (false, false) => format!("{}.{key}", self.path),
        }
    }

    fn pos_of(&self, key: &str) -> Pos {
        let found = self.find(key);
        found.last().map_or(self.pos, View::pos)
    }

    fn expected(&self, key: &str, found: &Value, expected: &str) {
        let message = format!("{key}: expected {expected}, found {}", found.describe());
        self.report
            .add(self.describe(found.pos(), message, Kind::BadValue));
    }

    fn describe(&self, pos: Pos, message: String, kind: Kind) -> Problem {
        Problem {
            file: self.file.to_owned(),
            pos,
            section: self.path.clone(),
            message,
            suggestion: None,
            kind,
        }
    }
}
