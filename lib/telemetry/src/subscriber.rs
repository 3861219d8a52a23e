//! Ties filter, form and destination together and puts them in `tracing`'s way.

use std::{cell::RefCell, io, path::PathBuf, sync::Arc};

use jiff::Timestamp;
use tracing::{
    Event, Metadata, Subscriber,
    level_filters::LevelFilter,
    span::{Attributes, Id, Record},
    subscriber::Interest,
};
use tracing_subscriber::{
    Layer, Registry, layer::Context, layer::SubscriberExt as _, registry::LookupSpan,
};

use crate::{
    Level, LogConfig,
    filter::Filter,
    line::{Collector, Fields, Line},
    logrus::Style,
    sink::Sink,
};

/// Why logging could not be set up, or its file not be opened again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// `log_file` cannot be opened for appending.
    #[error(
        "failed to open log file {}: {source}; check that its folder exists and is writable, or unset log_file",
        path.display()
    )]
    Open {
        /// The configured file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The process already has a log; [`init`] was called twice.
    #[error("logging is already set up in this process")]
    AlreadyInitialized,
}

/// Steers the log while the process runs. Clones steer the same log.
#[derive(Clone)]
pub struct LogHandle {
    log: Arc<Log>,
    launch_level: Level,
}

struct Log {
    filter: Filter,
    style: Style,
    sink: Sink,
    path: Option<PathBuf>,
    source_location: bool,
    fields: Fields,
}

/// Sets up the process' log.
///
/// # Errors
/// [`LogError::Open`] when the file cannot be opened, [`LogError::AlreadyInitialized`] on a second
/// call.
pub fn init(config: &LogConfig) -> Result<LogHandle, LogError> {
    let (subscriber, handle) = subscriber(config)?;
    tracing::subscriber::set_global_default(subscriber)
        .map_err(|_already| LogError::AlreadyInitialized)?;
    Ok(handle)
}

fn subscriber(
    config: &LogConfig,
) -> Result<(impl Subscriber + Send + Sync + 'static, LogHandle), LogError> {
    let sink =
        Sink::open(config.file.as_deref(), config.stderr).map_err(|source| LogError::Open {
            path: config.file.clone().unwrap_or_default(),
            source,
        })?;
    let style = Style {
        format: config.format,
        terminal: sink.is_terminal(),
        start: now(),
    };
    let log = Arc::new(Log {
        filter: Filter::new(config.level),
        style,
        sink,
        path: config.file.clone(),
        source_location: config.source_location,
        fields: constant(config),
    });
    let layer = LogLayer(Arc::clone(&log));
    Ok((
        Registry::default().with(layer),
        LogHandle {
            log,
            launch_level: config.level,
        },
    ))
}

impl LogHandle {
    /// The level in force.
    pub fn level(&self) -> Level {
        self.log.filter.level()
    }

    /// The level the process was started with.
    pub fn launch_level(&self) -> Level {
        self.launch_level
    }

    /// Puts another level in force, from the next line on.
    pub fn set_level(&self, level: Level) {
        self.log.filter.set(level);
        tracing::callsite::rebuild_interest_cache();
    }

    /// Opens the log file anew after it was moved away; nothing to do on standard output. The old
    /// file stays in use when this fails.
    ///
    /// # Errors
    /// [`LogError::Open`] when the file cannot be opened.
    pub fn reopen(&self) -> Result<(), LogError> {
        self.log.sink.reopen().map_err(|source| LogError::Open {
            path: self.log.path.clone().unwrap_or_default(),
            source,
        })
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a log line bears the time at which it was written"
)]
fn now() -> Timestamp {
    Timestamp::now()
}

struct LogLayer(Arc<Log>);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for LogLayer {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.0.filter.shows(metadata) {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _context: Context<'_, S>) -> bool {
        self.0.filter.shows(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.0.filter.level().filter())
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut collector = Collector::default();
        attributes.record(&mut collector);
        span.extensions_mut().insert(collector.fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut collector = Collector::default();
        values.record(&mut collector);
        if let Some(fields) = span.extensions_mut().get_mut::<Fields>() {
            fields.extend(collector.fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut collector = Collector {
            fields: self.0.fields.clone(),
            ..Collector::default()
        };
        for span in context
            .event_scope(event)
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .iter()
            .rev()
        {
            if let Some(fields) = span.extensions().get::<Fields>() {
                collector.fields.extend(fields.clone());
            }
        }
        if self.0.source_location {
            add_location(&mut collector.fields, event.metadata());
        }
        event.record(&mut collector);
        self.0.write(*event.metadata().level(), collector);
    }
}

impl Log {
    fn write(&self, level: tracing::Level, collected: Collector) {
        thread_local! {
            static BUFFER: RefCell<String> = const { RefCell::new(String::new()) };
        }
        let line = Line {
            level: level.into(),
            time: now().to_zoned(jiff::tz::TimeZone::system()),
            message: collected.message,
            fields: collected.fields,
        };
        BUFFER.with_borrow_mut(|buffer| {
            buffer.clear();
            self.style.write(line, buffer);
            self.sink.write(buffer);
        });
    }
}

fn constant(config: &LogConfig) -> Fields {
    let fields = config.fields.iter();
    fields
        .map(|(name, value)| ((*name).to_owned(), value.as_str().into()))
        .collect()
}

fn add_location(fields: &mut Fields, metadata: &Metadata<'_>) {
    if let (Some(file), Some(line)) = (metadata.file(), metadata.line()) {
        let name = file.rsplit('/').next().unwrap_or(file);
        fields.insert("file".to_owned(), format!("{name}:{line}").into());
    }
    if let Some(module) = metadata.module_path() {
        fields.insert("func".to_owned(), module.into());
    }
}

#[cfg(test)]
#[path = "subscriber_tests.rs"]
mod tests;
