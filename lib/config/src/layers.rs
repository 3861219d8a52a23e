//! Flags over file over defaults.

use steeple_hcl::{Kind, Pos, Problem, Section};

/// Reads settings that may be given both as a flag and in a section of the file.
///
/// As in SPIRE, empty and zero values of a higher layer never override a lower one.
#[derive(Clone, Copy, Debug)]
pub struct Layers<'s, 'a> {
    section: &'s Section<'a>,
}

/// A value and where it was written, for messages.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Written<T> {
    /// The value, never empty or zero.
    pub value: T,
    key: &'static str,
    flag: Option<&'static str>,
}

/// A flag: its name with the dash, and what was given.
pub type Flag<'f, T> = Option<(&'static str, &'f Option<T>)>;

impl<'s, 'a> Layers<'s, 'a> {
    /// Settings of a section.
    pub fn new(section: &'s Section<'a>) -> Self {
        Self { section }
    }

    /// The section itself.
    pub fn section(&self) -> &'s Section<'a> {
        self.section
    }

    /// A string.
    pub fn text(&self, key: &'static str, flag: Flag<'_, String>) -> Option<Written<String>> {
        self.layered(key, flag, Section::string, |text| !text.is_empty())
    }

    /// A whole number.
    pub fn int(&self, key: &'static str, flag: Flag<'_, i64>) -> Option<Written<i64>> {
        self.layered(key, flag, Section::int, |number| *number != 0)
    }

    /// A truth value: once true anywhere it is true.
    pub fn bool(&self, key: &'static str, flag: bool) -> bool {
        self.section.bool(key).unwrap_or(false) || flag
    }

    fn layered<T: Clone>(
        &self,
        key: &'static str,
        flag: Flag<'_, T>,
        read: impl Fn(&Section<'a>, &str) -> Option<T>,
        counts: impl Fn(&T) -> bool,
    ) -> Option<Written<T>> {
        // Read in any case: a mistake in the file is one even where a flag overrides it.
        let in_file = read(self.section, key).filter(&counts);
        if let Some((name, Some(value))) = flag
            && counts(value)
        {
            return Some(Written {
                value: value.clone(),
                key,
                flag: Some(name),
            });
        }
        in_file.map(|value| Written {
            value,
            key,
            flag: None,
        })
    }

    /// Tells that a value is not acceptable.
    pub fn refuse<T>(&self, written: &Written<T>, message: impl Into<String>) {
        self.refuse_as(written, message, Kind::BadValue);
    }

    /// Tells that a value asks for something that does not exist here yet.
    pub fn pending<T>(&self, written: &Written<T>, message: impl Into<String>) {
        self.refuse_as(written, message, Kind::Unsupported);
    }

    fn refuse_as<T>(&self, written: &Written<T>, message: impl Into<String>, kind: Kind) {
        match written.flag {
            Some(flag) => self.section.report().add(Problem {
                file: String::new(),
                pos: Pos::default(),
                section: flag.to_owned(),
                message: message.into(),
                suggestion: None,
                kind,
            }),
            None => self.section.tell(written.key, message, kind),
        }
    }

    /// The value as `parse` reads it; what `parse` says against it is told.
    pub fn parsed<T, P, E: std::fmt::Display>(
        &self,
        written: Option<Written<T>>,
        parse: impl FnOnce(&T) -> Result<P, E>,
    ) -> Option<P> {
        let written = written?;
        match parse(&written.value) {
            Ok(parsed) => Some(parsed),
            Err(error) => {
                self.refuse(&written, error.to_string());
                None
            }
        }
    }
}
