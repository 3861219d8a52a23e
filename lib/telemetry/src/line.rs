//! One log line before it is written: message and fields, gathered from an event and its spans.

use std::{collections::BTreeMap, fmt};

use jiff::Zoned;
use serde_json::Value;
use tracing::field::{Field, Visit};

use crate::{Level, chain};

/// The fields of a line, sorted by name as logrus sorts them.
pub(crate) type Fields = BTreeMap<String, Value>;

/// A line to be written.
pub(crate) struct Line {
    /// How important it is.
    pub(crate) level: Level,
    /// When it was logged, in the machine's time zone.
    pub(crate) time: Zoned,
    /// What happened.
    pub(crate) message: String,
    /// The details.
    pub(crate) fields: Fields,
}

/// Collects `tracing` fields.
#[derive(Debug, Default)]
pub(crate) struct Collector {
    pub(crate) message: String,
    pub(crate) fields: Fields,
}

impl Collector {
    fn put(&mut self, field: &Field, value: Value) {
        let name = field.name();
        let name = name.strip_prefix("r#").unwrap_or(name);
        match (name, value) {
            ("message", Value::String(text)) => self.message = text,
            // logrus keeps its own three names for itself.
            ("time" | "level" | "msg", value) => {
                self.fields.insert(format!("fields.{name}"), value);
            }
            (_, value) => {
                self.fields.insert(name.to_owned(), value);
            }
        }
    }
}

impl Visit for Collector {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, Value::String(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, Value::String(value.to_owned()));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, Value::Bool(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }

    /// An error is shown with everything that caused it.
    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.put(field, Value::String(chain(value).to_string()));
    }
}
