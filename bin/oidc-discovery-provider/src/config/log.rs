//! `log_level`, `log_format` and `log_path`.

use steeple_hcl::{Kind, Section};
use steeple_telemetry::LogConfig;

use super::text;

pub(super) fn read(root: &Section<'_>) -> LogConfig {
    LogConfig {
        level: parsed(root, "log_level"),
        format: parsed(root, "log_format"),
        file: text(root, "log_path").map(Into::into),
        ..LogConfig::default()
    }
}

fn parsed<T>(root: &Section<'_>, key: &str) -> T
where
    T: std::str::FromStr<Err: std::fmt::Display> + Default,
{
    let read = |text: String| text.parse::<T>();
    match text(root, key).map(read).transpose() {
        Ok(value) => value.unwrap_or_default(),
        Err(error) => {
            root.tell(key, error.to_string(), Kind::BadValue);
            T::default()
        }
    }
}
