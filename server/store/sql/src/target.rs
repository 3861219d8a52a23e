//! Connection strings: where the database lies and how it is opened.

use std::{path::PathBuf, time::Duration};

/// Where the database lies and how it is opened.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Target {
    /// The `file:` URI for SQLite, without the parameters that are read here.
    pub(crate) uri: String,
    /// The file, for looking at it before SQLite does.
    pub(crate) path: PathBuf,
    /// How long to wait for another process that writes.
    pub(crate) busy_timeout: Duration,
    /// `PRAGMA synchronous`.
    pub(crate) synchronous: &'static str,
    /// `PRAGMA cache_size`, when given.
    pub(crate) cache_size: Option<i64>,
}

/// Why a connection string is refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum TargetError {
    #[error("connection_string must be set")]
    Empty,
    #[error("unsupported scheme \"{0}\": write the path of the database file, or file:<path>")]
    Scheme(String),
    #[error(
        "an SQLite database in memory is not supported: it would be lost with each restart; write the path of a file"
    )]
    Memory,
    #[error("{0}={1}: {2}")]
    Parameter(String, String, &'static str),
    #[error("%{0} in the path is not a percent-encoded byte of UTF-8 text")]
    Encoding(String),
}

impl Target {
    /// Reads a bare path or a `file:` URI, either with parameters after a question mark.
    pub(crate) fn parse(text: &str) -> Result<Self, TargetError> {
        if text.is_empty() {
            return Err(TargetError::Empty);
        }
        let (location, query) = text.split_once('?').unwrap_or((text, ""));
        let (location, _fragment) = location.split_once('#').unwrap_or((location, ""));
        if location == ":memory:" {
            return Err(TargetError::Memory);
        }
        let location = match scheme(location) {
            None => location,
            Some("file") => &location["file:".len()..],
            Some(other) => return Err(TargetError::Scheme(other.to_owned())),
        };
        let path = file_path(location)?;
        if path.is_empty() || path == ":memory:" {
            return Err(TargetError::Memory);
        }
        let mut target = Self {
            uri: format!("file:{location}"),
            path: path.into(),
            busy_timeout: Duration::from_secs(5),
            synchronous: "FULL",
            cache_size: None,
        };
        target.read_parameters(query)?;
        Ok(target)
    }

    fn read_parameters(&mut self, query: &str) -> Result<(), TargetError> {
        let mut rest = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            if key == "mode" && value == "memory" {
                return Err(TargetError::Memory);
            }
            if key.starts_with('_') {
                self.read_parameter(key, value)
                    .map_err(|why| TargetError::Parameter(key.to_owned(), value.to_owned(), why))?;
            } else {
                rest.push(pair); // SQLite's own: mode, vfs, cache, nolock ...
            }
        }
        if !rest.is_empty() {
            self.uri = format!("{}?{}", self.uri, rest.join("&"));
        }
        Ok(())
    }

    fn read_parameter(&mut self, key: &str, value: &str) -> Result<(), &'static str> {
        match key {
            "_busy_timeout" | "_timeout" => {
                let wait = value.parse().map_err(|_| "want a number of milliseconds")?;
                self.busy_timeout = Duration::from_millis(wait);
            }
            "_synchronous" | "_sync" => self.synchronous = synchronous(value)?,
            "_cache_size" => {
                self.cache_size = Some(value.parse().map_err(|_| "want a number")?);
            }
            // Always on, or of no meaning here.
            "_foreign_keys" | "_fk" | "_journal_mode" | "_journal" | "_txlock" | "_mutex"
            | "_loc" => {}
            _ => return Err("this parameter is not supported; take it out"),
        }
        Ok(())
    }
}

fn synchronous(value: &str) -> Result<&'static str, &'static str> {
    match value.to_ascii_uppercase().as_str() {
        "1" | "NORMAL" => Ok("NORMAL"),
        "2" | "FULL" => Ok("FULL"),
        "3" | "EXTRA" => Ok("EXTRA"),
        _ => Err("want NORMAL, FULL or EXTRA; OFF would lose what has been acknowledged"),
    }
}

/// What stands before the first colon, if that is a URI's scheme.
fn scheme(text: &str) -> Option<&str> {
    let (scheme, _) = text.split_once(':')?;
    let mut bytes = scheme.bytes();
    let first = bytes.next()?;
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
    (first.is_ascii_alphabetic() && bytes.all(legal)).then_some(scheme)
}

/// The path in what follows `file:`, decoded.
fn file_path(location: &str) -> Result<String, TargetError> {
    let path = match location.strip_prefix("//") {
        Some(rest) => rest.find('/').map_or("", |at| &rest[at..]), // after the authority
        None => location,
    };
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits: String = rest.by_ref().take(2).map(char::from).collect();
        let decoded = u8::from_str_radix(&digits, 16)
            .ok()
            .filter(|_| digits.len() == 2);
        bytes.push(decoded.ok_or_else(|| TargetError::Encoding(digits.clone()))?);
    }
    String::from_utf8(bytes).map_err(|_| TargetError::Encoding(String::new()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_a_site_may_have_written() {
        let cases = [
            ("data.db", "file:data.db", "data.db"),
            ("./data.db", "file:./data.db", "./data.db"),
            (
                "/home/fred/data.db",
                "file:/home/fred/data.db",
                "/home/fred/data.db",
            ),
            ("file:data.db", "file:data.db", "data.db"),
            (
                "file:///home/fred/data.db",
                "file:///home/fred/data.db",
                "/home/fred/data.db",
            ),
            ("file://localhost/d.db", "file://localhost/d.db", "/d.db"),
            ("file:///a%20b.db", "file:///a%20b.db", "/a b.db"),
            (
                "file:d.db?mode=rw&_foreign_keys=ON",
                "file:d.db?mode=rw",
                "d.db",
            ),
            ("d.db?_journal_mode=WAL", "file:d.db", "d.db"),
        ];
        for (text, uri, path) in cases {
            let target = Target::parse(text).unwrap();
            assert_eq!(
                (target.uri.as_str(), target.path.to_str().unwrap()),
                (uri, path),
                "{text}"
            );
        }
    }

    #[test]
    fn parameters() {
        let target =
            Target::parse("file:d.db?_busy_timeout=250&_sync=normal&_cache_size=-2000").unwrap();
        assert_eq!(target.busy_timeout, Duration::from_millis(250));
        assert_eq!(
            (target.synchronous, target.cache_size),
            ("NORMAL", Some(-2000))
        );
        assert_eq!(Target::parse("d.db").unwrap().synchronous, "FULL");
    }

    #[test]
    fn refusals_say_what_to_write() {
        let refused = |text: &str| Target::parse(text).unwrap_err().to_string();
        assert_eq!(refused(""), "connection_string must be set");
        assert!(refused("postgres://db").starts_with("unsupported scheme \"postgres\""));
        assert!(refused(":memory:").contains("not supported"));
        assert!(refused("file::memory:?cache=shared").contains("not supported"));
        assert!(refused("file:x?mode=memory").contains("not supported"));
        assert!(refused("d.db?_busy_timeout=soon").contains("milliseconds"));
        assert!(refused("d.db?_synchronous=OFF").contains("NORMAL, FULL or EXTRA"));
        assert!(refused("d.db?_auth_user=x").contains("not supported"));
        assert!(refused("file:a%zz").contains("%zz"));
    }
}
