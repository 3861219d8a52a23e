//! What was measured, and how it is printed.

use std::{fmt, time::Duration};

/// One number with its unit; the smaller the better, unless it is a rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value {
    /// How long something takes.
    Time(Duration),
    /// How often it goes in a second.
    Rate(f64),
    /// How much memory it needs.
    Bytes(u64),
}

/// One line of the table.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    /// What was measured.
    pub(crate) name: String,
    /// How much it is.
    pub(crate) value: Value,
}

impl Figure {
    pub(crate) fn new(name: impl Into<String>, value: Value) -> Self {
        Self {
            name: name.into(),
            value,
        }
    }
}

impl Value {
    /// How many times better this one is than the other.
    fn better_than(self, other: Self) -> Option<f64> {
        match (self, other) {
            (Self::Time(this), Self::Time(other)) => Some(other.as_secs_f64() / this.as_secs_f64()),
            (Self::Rate(this), Self::Rate(other)) => Some(this / other),
            #[expect(clippy::cast_precision_loss, reason = "it is printed with two digits")]
            (Self::Bytes(this), Self::Bytes(other)) => Some(other as f64 / this as f64),
            _ => None,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Time(time) if time.as_secs() > 0 => format!("{:.2} s", time.as_secs_f64()),
            Self::Time(time) if time.as_millis() > 0 => {
                format!("{:.2} ms", time.as_secs_f64() * 1e3)
            }
            Self::Time(time) => format!("{:.0} us", time.as_secs_f64() * 1e6),
            Self::Rate(rate) => format!("{rate:.0} /s"),
            #[expect(clippy::cast_precision_loss, reason = "it is printed with one digit")]
            Self::Bytes(bytes) => format!("{:.1} MB", *bytes as f64 / 1e6),
        };
        f.pad(&text)
    }
}

/// The figures of one or more pairs of programs, side by side, as a Markdown table.
#[derive(Debug, Default)]
pub(crate) struct Table {
    columns: Vec<(String, Vec<Figure>)>,
}

impl Table {
    pub(crate) fn add(&mut self, name: &str, figures: Vec<Figure>) {
        self.columns.push((name.to_owned(), figures));
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(((first, figures), others)) = self.columns.split_first() else {
            return Ok(());
        };
        let width = figures
            .iter()
            .map(|figure| figure.name.len())
            .max()
            .unwrap_or_default();
        write!(f, "| {:<width$} | {first:>10} |", "Figure")?;
        for (name, _) in others {
            write!(f, " {name:>10} | {:>7} |", "better")?;
        }
        write!(f, "\n|{:-<w$}|{:->12}|", "", ":", w = width + 2)?;
        for _ in others {
            write!(f, "{:->12}|{:->9}|", ":", ":")?;
        }
        for figure in figures {
            write!(f, "\n| {:<width$} | {:>10} |", figure.name, figure.value)?;
            for (_, theirs) in others {
                match theirs.iter().find(|other| other.name == figure.name) {
                    Some(other) => {
                        let times = figure.value.better_than(other.value).unwrap_or(f64::NAN);
                        write!(f, " {:>10} | {:>7} |", other.value, format!("{times:.1}x"))?;
                    }
                    None => write!(f, " {:>10} | {:>7} |", "", "")?,
                }
            }
        }
        writeln!(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_is_better_for_a_rate_and_less_for_the_rest() {
        let (fast, slow) = (Value::Rate(300.0), Value::Rate(100.0));
        assert_eq!(fast.better_than(slow), Some(3.0));
        let (short, long) = (
            Value::Time(Duration::from_millis(1)),
            Value::Time(Duration::from_millis(4)),
        );
        assert_eq!(short.better_than(long), Some(4.0));
        assert_eq!(short.better_than(fast), None);
    }

    #[test]
    fn a_table_compares_by_name() {
        let mut table = Table::default();
        table.add(
            "ours",
            vec![
                Figure::new("a", Value::Rate(10.0)),
                Figure::new("b", Value::Bytes(1_500_000)),
            ],
        );
        table.add("stock", vec![Figure::new("b", Value::Bytes(3_000_000))]);
        let text = table.to_string();
        assert!(
            text.lines()
                .any(|line| line.contains("1.5 MB") && line.contains("2.0x")),
            "{text}"
        );
        assert_eq!(text.lines().count(), 4);
    }
}
