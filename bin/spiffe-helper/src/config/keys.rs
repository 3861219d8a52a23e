//! The top level of the file, under its keys' names of today and of before 0.9.

use steeple_hcl::{Document, Kind, Report, Section};

/// Names that keys had before version 0.9.
const FORMER: [(&str, &str); 8] = [
    ("agent_address", "agentAddress"),
    ("cmd_args", "cmdArgs"),
    ("cert_dir", "certDir"),
    ("svid_file_name", "svidFileName"),
    ("svid_key_file_name", "svidKeyFileName"),
    ("svid_bundle_file_name", "svidBundleFileName"),
    ("renew_signal", "renewSignal"),
    ("add_intermediates_to_bundle", "addIntermediatesToBundle"),
];

/// The top level of the file.
pub(super) struct Keys<'a> {
    section: Section<'a>,
    /// The former names in use. Only these are asked for, or they would be proposed for misspelt
    /// ones.
    former: Vec<(&'static str, &'static str)>,
}

impl<'a> Keys<'a> {
    /// Warns of every former name in use.
    pub(super) fn new(document: &'a Document, report: &'a Report) -> Self {
        let section = document.section(report);
        let names = document
            .root
            .items
            .iter()
            .flat_map(|item| item.keys.first());
        let names: Vec<&str> = names.map(|key| key.name.as_str()).collect();
        let has = |key: &str| names.iter().any(|name| name.eq_ignore_ascii_case(key));
        let in_use = |(_, former): &(&str, &str)| has(former);
        let former: Vec<_> = FORMER.into_iter().filter(in_use).collect();
        for (key, former) in &former {
            let counts = if has(key) {
                "; both are there, the new one counts"
            } else {
                ""
            };
            section.warn(former, format!("this key is now called {key:?}{counts}"));
        }
        if has("timeout") {
            section.warn(
                "timeout",
                "this key has had no meaning since version 0.5 and is ignored",
            );
        }
        Self { section, former }
    }

    pub(super) fn section(&self) -> &Section<'a> {
        &self.section
    }

    pub(super) fn report(&self) -> &'a Report {
        self.section.report()
    }

    /// A string; an empty one counts as absent.
    pub(super) fn string(&self, key: &str) -> Option<String> {
        self.section
            .string(self.name(key))
            .filter(|text| !text.is_empty())
    }

    pub(super) fn bool(&self, key: &str) -> Option<bool> {
        self.section.bool(self.name(key))
    }

    /// One of a few words; none when it is absent or another.
    pub(super) fn choice<T: Copy>(&self, key: &str, choices: &[(&str, T)]) -> Option<T> {
        let text = self.string(key)?;
        let found = choices.iter().find(|(word, _)| *word == text);
        if found.is_none() {
            let words: Vec<String> = choices
                .iter()
                .map(|(word, _)| format!("{word:?}"))
                .collect();
            let message = format!("{text:?} is not one of {}", words.join(", "));
            self.section.problem(key, message);
        }
        found.map(|(_, value)| *value)
    }

    /// Tells of a mistake in exactly these words, at the place of `key`.
    pub(super) fn refuse(&self, key: &str, message: impl Into<String>) {
        self.section.tell(self.name(key), message, Kind::BadValue);
    }

    /// The name that the key has in this file.
    fn name<'k>(&self, key: &'k str) -> &'k str {
        let former = self.former.iter().find(|(name, _)| *name == key);
        match former {
            Some((_, former)) if !self.section.has(key) => former,
            _ => key,
        }
    }
}
