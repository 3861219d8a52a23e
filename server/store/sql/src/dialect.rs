//! What depends on the database system: here SQLite.
//!
//! Another system brings its own forms of these: the statement that takes a row out in one step
//! (MySQL has no RETURNING), placeholders (PostgreSQL numbers them), how a time is written, and
//! which error means what.

use jiff::{Timestamp, tz::TimeZone};
use rusqlite::{Error, ErrorCode};
use steeple_store::StoreError;

/// Takes a join token out, and answers when it ends.
pub(crate) const TAKE_JOIN_TOKEN: &str = "DELETE FROM join_tokens WHERE token = ? RETURNING expiry";

/// A time as it is stored: with nine digits at most, none when they are zero, in UTC.
pub(crate) fn time_text(time: Timestamp) -> String {
    let zoned = time.to_zoned(TimeZone::UTC);
    let seconds = zoned.strftime("%Y-%m-%d %H:%M:%S");
    let fraction = format!(".{:09}", zoned.subsec_nanosecond());
    let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
    format!("{seconds}{fraction}+00:00")
}

/// As [`time_text`], for unix seconds; out of range becomes the nearest time there is.
pub(crate) fn seconds_text(seconds: i64) -> String {
    let limit = if seconds < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    };
    time_text(Timestamp::from_second(seconds).unwrap_or(limit))
}

/// A stored time in unix seconds, rounded as SPIRE rounds it: half a second counts up.
pub(crate) fn seconds(text: &str) -> Result<i64, StoreError> {
    let time: Timestamp = text.parse().map_err(|error| {
        StoreError::Corrupt(format!(
            "{text:?} is not a time as the database keeps it: {error}"
        ))
    })?;
    Ok((time.as_nanosecond() + 500_000_000).div_euclid(1_000_000_000) as i64)
}

/// Puts the database's error in our terms.
pub(crate) fn refusal(error: Error) -> StoreError {
    let text = error.to_string();
    match &error {
        Error::QueryReturnedNoRows => StoreError::NotFound,
        Error::SqliteFailure(failure, _) => match failure.code {
            ErrorCode::ConstraintViolation => StoreError::AlreadyExists(text),
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => StoreError::Busy(format!(
                "{text}: another process is writing to the database"
            )),
            ErrorCode::DiskFull => StoreError::Full(format!(
                "{text}: make room where the database lies; writing then goes on by itself"
            )),
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => StoreError::Corrupt(text),
            _ => StoreError::Io(text),
        },
        _ => StoreError::Io(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_the_other_server_writes_them() {
        let cases = [
            (
                "2026-11-21T09:46:42.350552262Z",
                "2026-11-21 09:46:42.350552262+00:00",
            ),
            ("2026-11-21T09:46:42.35Z", "2026-11-21 09:46:42.35+00:00"),
            ("2026-11-21T09:46:42Z", "2026-11-21 09:46:42+00:00"),
        ];
        for (time, text) in cases {
            assert_eq!(time_text(time.parse().unwrap()), text);
        }
    }

    #[test]
    fn stored_times_are_read_in_any_zone_and_rounded() {
        let base: Timestamp = "2026-11-21T09:46:42Z".parse().unwrap();
        let base = base.as_second();
        let cases = [
            ("2026-11-21 09:46:42.350552262+00:00", base),
            ("2026-11-21 09:46:42.5+00:00", base + 1),
            ("2026-11-21 09:46:42+00:00", base),
            ("2026-11-21 11:16:42.499999999+01:30", base),
            ("2026-11-21T09:46:42Z", base),
        ];
        for (text, expected) in cases {
            assert_eq!(seconds(text).unwrap(), expected, "{text}");
        }
        assert!(matches!(seconds("yesterday"), Err(StoreError::Corrupt(_))));
    }
}
