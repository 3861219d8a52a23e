//! The cases, and the reasons why some of them cannot run here.

use libtest_mimic::{Arguments, Conclusion, Trial};

use crate::place::Place;

/// One case.
#[derive(Debug)]
pub struct Case {
    /// Its name, as `cargo test` filters and prints it.
    pub name: &'static str,
    /// What it needs from outside and does not find; it counts as ignored then.
    pub lacks: Option<String>,
    /// Whether it puts something else in place of `/tmp`, so that its files must lie elsewhere.
    pub hides_tmp: bool,
    /// The case.
    pub body: fn(&Place) -> anyhow::Result<()>,
}

impl Case {
    /// A case that needs nothing but what the project builds.
    #[must_use]
    pub fn new(name: &'static str, body: fn(&Place) -> anyhow::Result<()>) -> Self {
        Self {
            name,
            lacks: None,
            hides_tmp: false,
            body,
        }
    }

    /// The same case, which cannot run when `present` is false.
    #[must_use]
    pub fn needs(mut self, present: bool, what: &str) -> Self {
        if !present && self.lacks.is_none() {
            self.lacks = Some(what.to_owned());
        }
        self
    }

    /// The same case, with its files out of `/tmp`.
    #[must_use]
    pub fn hiding_tmp(mut self) -> Self {
        self.hides_tmp = true;
        self
    }

    fn trial(self) -> Trial {
        if let Some(lacks) = &self.lacks {
            eprintln!("skipped: {}: {lacks}", self.name);
        }
        let ignored = self.lacks.is_some();
        let run = move || {
            if let Some(lacks) = self.lacks {
                return Err(format!("cannot run here: {lacks}").into());
            }
            let place = if self.hides_tmp {
                Place::in_target()
            } else {
                Place::new()
            };
            let place = place.map_err(|error| format!("{error:#}"))?;
            (self.body)(&place).map_err(|error| {
                format!(
                    "{error:#}\n(files and logs are kept in {})",
                    place.keep().display()
                )
                .into()
            })
        };
        Trial::test(self.name, run).with_ignored_flag(ignored)
    }
}

/// All cases of a test program.
#[derive(Debug, Default)]
pub struct Suite {
    cases: Vec<Case>,
}

impl Suite {
    /// Adds cases.
    #[must_use]
    pub fn with(mut self, cases: impl IntoIterator<Item = Case>) -> Self {
        self.cases.extend(cases);
        self
    }

    /// Runs what the command line asks for.
    pub fn run(self) -> Conclusion {
        let arguments = Arguments::from_args();
        libtest_mimic::run(
            &arguments,
            self.cases.into_iter().map(Case::trial).collect(),
        )
    }
}
