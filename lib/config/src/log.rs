//! `log_level`, `log_format`, `log_file` and `log_source_location`.

use steeple_telemetry::LogConfig;

use crate::Layers;

/// What the command line says about the log.
#[derive(Clone, Copy, Debug)]
pub struct LogFlags<'f> {
    /// `-logLevel`
    pub level: &'f Option<String>,
    /// `-logFormat`
    pub format: &'f Option<String>,
    /// `-logFile`
    pub file: &'f Option<String>,
    /// `-logSourceLocation`
    pub source_location: bool,
}

/// Reads the settings of the log.
pub fn read(layers: &Layers<'_, '_>, flags: LogFlags<'_>) -> LogConfig {
    let level = layers.text("log_level", Some(("-logLevel", flags.level)));
    let format = layers.text("log_format", Some(("-logFormat", flags.format)));
    let file = layers.text("log_file", Some(("-logFile", flags.file)));
    LogConfig {
        level: layers
            .parsed(level, |text| text.parse())
            .unwrap_or_default(),
        format: layers
            .parsed(format, |text| text.parse())
            .unwrap_or_default(),
        file: file.map(|file| file.value.into()),
        source_location: layers.bool("log_source_location", flags.source_location),
        ..LogConfig::default()
    }
}
