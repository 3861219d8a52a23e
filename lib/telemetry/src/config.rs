//! What can be chosen about logs, by the names SPIRE's configuration gives it.

use std::{fmt, path::PathBuf, str::FromStr};

use tracing::level_filters::LevelFilter;

/// The four `log_*` settings, checked.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LogConfig {
    /// `log_level`: the least important lines to show.
    pub level: Level,
    /// `log_format`.
    pub format: Format,
    /// `log_file`: appended to, made with mode 0640; standard output when absent.
    pub file: Option<PathBuf>,
    /// `log_source_location`: adds the fields `file` and `func`.
    pub source_location: bool,
    /// Whether lines without a file go to standard error instead: no setting, but the way of
    /// programs whose standard output belongs to what they start.
    pub stderr: bool,
    /// Fields that every line bears.
    pub fields: Vec<(&'static str, String)>,
}

/// A level by logrus' names. Nothing is ever logged as `panic` or `fatal`: choosing one of them
/// silences the log.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Level {
    /// Show nothing.
    Panic,
    /// Show nothing.
    Fatal,
    /// Show errors.
    Error,
    /// Show errors and warnings.
    Warning,
    /// The default.
    #[default]
    Info,
    /// Show what each step did.
    Debug,
    /// Show everything.
    Trace,
}

impl Level {
    /// Every level, most important first.
    pub const ALL: [Self; 7] = [
        Self::Panic,
        Self::Fatal,
        Self::Error,
        Self::Warning,
        Self::Info,
        Self::Debug,
        Self::Trace,
    ];

    /// The lower-case name that logrus prints.
    pub fn name(self) -> &'static str {
        match self {
            Self::Panic => "panic",
            Self::Fatal => "fatal",
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }

    pub(crate) fn filter(self) -> LevelFilter {
        match self {
            Self::Panic | Self::Fatal => LevelFilter::OFF,
            Self::Error => LevelFilter::ERROR,
            Self::Warning => LevelFilter::WARN,
            Self::Info => LevelFilter::INFO,
            Self::Debug => LevelFilter::DEBUG,
            Self::Trace => LevelFilter::TRACE,
        }
    }
}

impl From<tracing::Level> for Level {
    fn from(level: tracing::Level) -> Self {
        match level {
            tracing::Level::ERROR => Self::Error,
            tracing::Level::WARN => Self::Warning,
            tracing::Level::INFO => Self::Info,
            tracing::Level::DEBUG => Self::Debug,
            tracing::Level::TRACE => Self::Trace,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl FromStr for Level {
    type Err = LogConfigError;

    fn from_str(text: &str) -> Result<Self, LogConfigError> {
        let lower = text.to_lowercase();
        let found = Self::ALL.into_iter().find(|level| level.name() == lower);
        match found {
            Some(level) => Ok(level),
            None if lower == "warn" => Ok(Self::Warning),
            None => Err(LogConfigError::Level(text.to_owned())),
        }
    }
}

/// How a line is written.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Format {
    /// Text, as when `log_format` is not set: times to the second.
    #[default]
    Default,
    /// `text`: times with nanoseconds.
    Text,
    /// `json`: one object a line, times with nanoseconds.
    Json,
}

impl FromStr for Format {
    type Err = LogConfigError;

    fn from_str(text: &str) -> Result<Self, LogConfigError> {
        match text.to_lowercase().as_str() {
            "" => Ok(Self::Default),
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(LogConfigError::Format(text.to_owned())),
        }
    }
}

/// A `log_*` setting that means nothing. The texts begin as stock SPIRE's.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum LogConfigError {
    /// `log_level` names no level.
    #[error("not a valid logrus Level: {0:?}; use panic, fatal, error, warn, info, debug or trace")]
    Level(String),
    /// `log_format` names no format.
    #[error("unknown logger format: {0:?}; use text or json")]
    Format(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_read_in_any_case() {
        for level in Level::ALL {
            assert_eq!(level.name().to_uppercase().parse(), Ok(level));
        }
        assert_eq!("Warn".parse(), Ok(Level::Warning));
        let error = "loud".parse::<Level>().unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("not a valid logrus Level: \"loud\""),
            "{error}"
        );
    }

    #[test]
    fn formats_are_read_in_any_case() {
        assert_eq!("JSON".parse(), Ok(Format::Json));
        assert_eq!("Text".parse(), Ok(Format::Text));
        assert_eq!("".parse(), Ok(Format::Default));
        assert!("xml".parse::<Format>().is_err());
    }
}
