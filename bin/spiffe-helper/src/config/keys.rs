//! The top level of the file, under its keys' names of today and of before 0.9.

use steeple_hcl::{Kind, Report, Section};

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
pub(super) struct Keys<'a>(Section<'a>);

impl<'a> Keys<'a> {
    /// Warns of every former name in use.
    pub(super) fn new(section: Section<'a>) -> Self {
        for (key, former) in FORMER {
            if section.has(former) {
                let also = section.has(key);
                let counts = if also {
                    "; both are there, the new one counts"
                } else {
                    ""
                };
                section.warn(former, format!("this key is now called {key:?}{counts}"));
            }
        }
        if section.has("timeout") {
            section.warn(
                "timeout",
                "this key has had no meaning since version 0.5 and is ignored",
            );
        }
        Self(section)
    }

    pub(super) fn section(&self) -> &Section<'a> {
        &self.0
    }

    pub(super) fn report(&self) -> &'a Report {
        self.0.report()
    }

    /// A string; an empty one counts as absent.
    pub(super) fn string(&self, key: &str) -> Option<String> {
        self.0
            .string(self.name(key))
            .filter(|text| !text.is_empty())
    }

    pub(super) fn bool(&self, key: &str) -> Option<bool> {
        self.0.bool(self.name(key))
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
            self.0.problem(key, message);
        }
        found.map(|(_, value)| *value)
    }

    /// Tells of a mistake in exactly these words, at the place of `key`.
    pub(super) fn refuse(&self, key: &str, message: impl Into<String>) {
        self.0.tell(self.name(key), message, Kind::BadValue);
    }

    /// The name that the key has in this file.
    fn name<'k>(&self, key: &'k str) -> &'k str {
        let former = FORMER.iter().find(|(name, _)| *name == key);
        match former {
            Some((_, former)) if !self.0.has(key) && self.0.has(former) => former,
            _ => key,
        }
    }
}
