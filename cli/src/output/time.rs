//! Points in time as Go prints them: `2026-01-02 03:04:05 +0000 UTC`.

use jiff::{Timestamp, tz::TimeZone};

const LAYOUT: &str = "%Y-%m-%d %H:%M:%S %z %Z";

/// Seconds since 1970 in UTC.
pub(crate) fn utc(seconds: i64) -> String {
    in_zone(seconds, TimeZone::UTC)
}

/// Seconds since 1970 in the zone of this machine.
pub(crate) fn local(seconds: i64) -> String {
    in_zone(seconds, TimeZone::try_system().unwrap_or(TimeZone::UTC))
}

fn in_zone(seconds: i64, zone: TimeZone) -> String {
    match Timestamp::from_second(seconds) {
        Ok(time) => time.to_zoned(zone).strftime(LAYOUT).to_string(),
        Err(_) => format!("{seconds} s since 1970, which no calendar reaches"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_in_go() {
        assert_eq!(utc(1_700_000_000), "2023-11-14 22:13:20 +0000 UTC");
        assert_eq!(utc(-1), "1969-12-31 23:59:59 +0000 UTC");
        assert!(utc(i64::MAX).contains("no calendar"));
    }

    #[test]
    fn a_zone_is_named() {
        let Ok(zone) = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3") else {
            panic!("zone")
        };
        assert_eq!(
            in_zone(1_700_000_000, zone),
            "2023-11-14 23:13:20 +0100 CET"
        );
    }
}
