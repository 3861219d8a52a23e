//! Durations as Go reads and prints them (`1h2m3.5s`, `23.4ms`).

use std::{fmt, str::FromStr, time::Duration};

/// Why a text is not a duration; the wording is Go's.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DurationError {
    /// It is not a sequence of numbers with units.
    #[error("time: invalid duration {}", super::quote(.0))]
    Invalid(String),
    /// A number stands without a unit.
    #[error("time: missing unit in duration {}", super::quote(.0))]
    MissingUnit(String),
    /// A unit is none of ns, us, ms, s, m, h.
    #[error("time: unknown unit {} in duration {}", super::quote(.unit), super::quote(.text))]
    UnknownUnit {
        /// What stands where a unit should.
        unit: String,
        /// The whole text.
        text: String,
    },
}

/// A signed number of nanoseconds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct GoDuration(i64);

impl GoDuration {
    /// The duration if it is positive: zero and less mean "without limit" to many flags.
    pub fn positive(self) -> Option<Duration> {
        u64::try_from(self.0)
            .ok()
            .filter(|&nanos| nanos > 0)
            .map(Duration::from_nanos)
    }
}

impl From<Duration> for GoDuration {
    fn from(duration: Duration) -> Self {
        Self(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX))
    }
}

impl FromStr for GoDuration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        let invalid = || DurationError::Invalid(text.to_owned());
        let (negative, mut rest) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        if rest == "0" {
            return Ok(Self(0));
        }
        if rest.is_empty() {
            return Err(invalid());
        }
        let mut nanos = 0_i128;
        while !rest.is_empty() {
            let (part, left) = element(text, rest)?;
            nanos += part;
            rest = left;
        }
        let nanos = if negative { -nanos } else { nanos };
        i64::try_from(nanos).map(Self).map_err(|_| invalid())
    }
}

/// One number with its unit, in nanoseconds, and what follows it.
fn element<'a>(text: &str, rest: &'a str) -> Result<(i128, &'a str), DurationError> {
    let invalid = || DurationError::Invalid(text.to_owned());
    let (whole, after) = digits(rest);
    let (fraction, after) = match after.strip_prefix('.') {
        Some(after) => digits(after),
        None => ("", after),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Err(invalid());
    }
    let end = after
        .find(|c: char| c == '.' || c.is_ascii_digit())
        .unwrap_or(after.len());
    let (unit, left) = after.split_at(end);
    if unit.is_empty() {
        return Err(DurationError::MissingUnit(text.to_owned()));
    }
    let scale = scale(unit).ok_or_else(|| DurationError::UnknownUnit {
        unit: unit.to_owned(),
        text: text.to_owned(),
    })?;
    let number = |digits: &str| -> Result<i128, DurationError> {
        if digits.is_empty() {
            Ok(0)
        } else {
            digits.parse::<i64>().map(i128::from).map_err(|_| invalid())
        }
    };
    let fraction = &fraction[..fraction.len().min(18)];
    let power = 10_i128.pow(u32::try_from(fraction.len()).unwrap_or(0));
    Ok((
        number(whole)? * scale + number(fraction)? * scale / power,
        left,
    ))
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(
        text.find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len()),
    )
}

fn scale(unit: &str) -> Option<i128> {
    Some(match unit {
        "ns" => 1,
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

impl fmt::Display for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 0 {
            f.write_str("-")?;
        }
        let nanos = self.0.unsigned_abs();
        match nanos {
            0 => f.write_str("0s"),
            1..1_000 => write!(f, "{nanos}ns"),
            1_000..1_000_000 => fraction(f, nanos, 1_000, "\u{b5}s"),
            1_000_000..1_000_000_000 => fraction(f, nanos, 1_000_000, "ms"),
            _ => clock(f, nanos),
        }
    }
}

fn clock(f: &mut fmt::Formatter<'_>, nanos: u64) -> fmt::Result {
    const SECOND: u64 = 1_000_000_000;
    let minutes = nanos / (60 * SECOND);
    if minutes >= 60 {
        write!(f, "{}h", minutes / 60)?;
    }
    if minutes > 0 {
        write!(f, "{}m", minutes % 60)?;
    }
    fraction(f, nanos % (60 * SECOND), SECOND, "s")
}

/// A number in a unit, without trailing zeros behind the point.
fn fraction(f: &mut fmt::Formatter<'_>, nanos: u64, unit: u64, name: &str) -> fmt::Result {
    let width = unit.ilog10() as usize;
    let digits = format!("{:0width$}", nanos % unit);
    match digits.trim_end_matches('0') {
        "" => write!(f, "{}{name}", nanos / unit),
        digits => write!(f, "{}.{digits}{name}", nanos / unit),
    }
}
