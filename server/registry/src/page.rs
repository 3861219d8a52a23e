//! Cutting lists into pages.

use crate::RegistryError;

/// Which page is wanted.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Page {
    /// How many rows; 0 or less for all at once.
    pub size: i32,
    /// Where the last page ended: [`Paged::next_token`] of it; empty for the first.
    pub token: String,
}

/// A page of a list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Paged<T> {
    /// The rows, in the order they were created.
    pub items: Vec<T>,
    /// The row of the last item, decimal, as long as pages are asked for and this one is not
    /// empty.
    pub next_token: String,
}

impl Page {
    /// The row after which the page begins.
    pub(crate) fn after(&self, operation: &str) -> Result<i64, RegistryError> {
        if self.size <= 0 || self.token.is_empty() {
            return Ok(i64::MIN);
        }
        // As Go's ParseUint: digits only, no sign. Beyond every row is a page past the end.
        let digits = self.token.bytes().all(|byte| byte.is_ascii_digit());
        match self.token.parse::<u64>() {
            Ok(row) if digits => Ok(i64::try_from(row).unwrap_or(i64::MAX)),
            _ => Err(RegistryError::invalid(
                operation,
                format!("could not parse token '{}'", self.token),
            )),
        }
    }

    /// Takes a page's worth of rows, and the token with which to go on.
    pub(crate) fn cut<T>(&self, rows: impl Iterator<Item = (i64, T)>) -> Paged<T> {
        let size = usize::try_from(self.size).unwrap_or(0);
        if size == 0 {
            return Paged {
                items: rows.map(|(_, item)| item).collect(),
                next_token: String::new(),
            };
        }
        let mut last = None;
        let items = rows
            .take(size)
            .map(|(row, item)| (last = Some(row), item).1)
            .collect();
        Paged {
            items,
            next_token: last.map(|row| row.to_string()).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_one_another_and_end() {
        let rows = [(1, 'a'), (4, 'b'), (7, 'c')];
        let mut page = Page {
            size: 2,
            token: String::new(),
        };
        let mut seen = Vec::new();
        loop {
            let after = page.after("list").unwrap();
            let cut = page.cut(rows.into_iter().filter(|(row, _)| *row > after));
            seen.push((cut.items.clone(), cut.next_token.clone()));
            if cut.next_token.is_empty() {
                break;
            }
            page.token = cut.next_token;
        }
        let expected = [
            (vec!['a', 'b'], "4".to_owned()),
            (vec!['c'], "7".to_owned()),
            (vec![], String::new()),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn without_a_size_everything_comes_and_the_token_is_not_read() {
        let page = Page {
            size: 0,
            token: "what".into(),
        };
        assert_eq!(page.after("list"), Ok(i64::MIN));
        let all = page.cut([(1, 'a'), (2, 'b')].into_iter());
        assert_eq!((all.items, all.next_token), (vec!['a', 'b'], String::new()));
    }

    #[test]
    fn tokens() {
        let after = |token: &str| {
            Page {
                size: 1,
                token: token.into(),
            }
            .after("failed to list")
        };
        assert_eq!(after("17"), Ok(17));
        assert_eq!(after("18446744073709551615"), Ok(i64::MAX));
        for bad in ["x", "-1", "+1", "1 ", "18446744073709551616"] {
            let text = format!("failed to list: could not parse token '{bad}'");
            assert_eq!(
                after(bad),
                Err(RegistryError::InvalidArgument(text)),
                "{bad}"
            );
        }
    }
}
