//! Keys that are known, for features that do not exist here yet: they are refused by name, unless
//! they say what is the case anyway.

use steeple_hcl::Section;

/// One such key.
#[derive(Clone, Copy, Debug)]
pub struct Pending {
    /// The section it is in, as [`Section::path`] names it.
    pub section: &'static str,
    /// The key.
    pub key: &'static str,
    /// What is missing, in words for a message.
    pub what: &'static str,
    /// Which values ask for nothing.
    pub harmless: Harmless,
}

/// Values that ask for nothing.
#[derive(Clone, Copy, Debug)]
pub enum Harmless {
    /// None: being there is enough.
    Nothing,
    /// `false`
    False,
    /// An empty string, or one of these.
    Text(&'static [&'static str]),
    /// An empty list of strings.
    EmptyList,
    /// Zero; negative numbers are refused as such.
    Zero,
}

/// Refuses what the table has for this section; all of its keys become known.
pub fn refuse(section: &Section<'_>, table: &[Pending]) {
    let here = table.iter().filter(|row| row.section == section.path());
    for row in here.filter(|row| section.has(row.key)) {
        if !row.harmless.covers(section, row.key) {
            section.unsupported(row.key, row.what);
        }
    }
}

impl Harmless {
    /// Whether the value asks for nothing. A value of the wrong type is told by reading it.
    fn covers(self, section: &Section<'_>, key: &str) -> bool {
        match self {
            Self::Nothing => false,
            Self::False => section.bool(key) != Some(true),
            Self::Text(texts) => section
                .string(key)
                .is_none_or(|text| text.is_empty() || texts.contains(&text.as_str())),
            Self::EmptyList => section.strings(key).is_none_or(|list| list.is_empty()),
            Self::Zero => section.int(key).is_none_or(|number| {
                if number < 0 {
                    section.problem(key, "must not be negative");
                }
                number <= 0
            }),
        }
    }
}
