//! What is wrong with a document, all of it.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::Pos;

/// What sort of mistake a problem is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A key that nobody knows.
    UnknownKey,
    /// A value of the wrong type or outside its range.
    BadValue,
    /// A key that must be there and is not.
    Missing,
    /// A key that is known, for a feature that does not exist here yet.
    Unsupported,
}

/// One mistake, or one thing worth a warning.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Problem {
    /// The file, as the user named it; empty when the problem is in no file.
    pub file: String,
    /// The place in the file; unknown when something is missing.
    pub pos: Pos,
    /// The section it is in, such as `server` or `plugins.NodeAttestor "join_token"`.
    pub section: String,
    /// What is wrong, with the key and the value.
    pub message: String,
    /// What was probably meant.
    pub suggestion: Option<String>,
    /// What sort of mistake it is.
    pub kind: Kind,
}

impl Problem {
    /// The line; 0 when not known.
    pub fn line(&self) -> usize {
        self.pos.line
    }

    /// The column; 0 when not known.
    pub fn column(&self) -> usize {
        self.pos.column
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.file.is_empty(), self.pos.is_known()) {
            (false, true) => write!(f, "{}:{}: ", self.file, self.pos)?,
            (false, false) => write!(f, "{}: ", self.file)?,
            (true, true) => write!(f, "{}: ", self.pos)?,
            (true, false) => {}
        }
        if !self.section.is_empty() {
            write!(f, "{}: ", self.section)?;
        }
        f.write_str(&self.message)?;
        match &self.suggestion {
            Some(suggestion) => write!(f, "; did you mean {suggestion:?}?"),
            None => Ok(()),
        }
    }
}

/// Collects problems and warnings while sections are read. Shared by reference: reading a section
/// needs no exclusive access.
#[derive(Debug, Default)]
pub struct Report {
    inner: Mutex<Lists>,
}

#[derive(Debug, Default)]
struct Lists {
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
}

impl Report {
    /// A report without problems.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a problem, once: a value that is read twice is wrong once.
    pub fn add(&self, problem: Problem) {
        add_once(&mut self.lists().problems, problem);
    }

    /// Adds something that is worth saying but stops nothing.
    pub fn warn(&self, warning: Problem) {
        add_once(&mut self.lists().warnings, warning);
    }

    /// Whether there is no problem; warnings do not count.
    pub fn is_empty(&self) -> bool {
        self.lists().problems.is_empty()
    }

    /// The problems so far, in the order of the file, those without a place last.
    pub fn problems(&self) -> Vec<Problem> {
        sorted(self.lists().problems.clone())
    }

    /// The warnings so far, in the order of the file, those without a place last.
    pub fn warnings(&self) -> Vec<Problem> {
        sorted(self.lists().warnings.clone())
    }

    fn lists(&self) -> MutexGuard<'_, Lists> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn add_once(problems: &mut Vec<Problem>, problem: Problem) {
    if !problems.contains(&problem) {
        problems.push(problem);
    }
}

fn sorted(mut problems: Vec<Problem>) -> Vec<Problem> {
    problems.sort_by_key(|problem| {
        let unknown = !problem.pos.is_known();
        (unknown, problem.pos.line, problem.pos.column)
    });
    problems
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems().iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}
