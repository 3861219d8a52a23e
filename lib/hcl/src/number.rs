//! Whole numbers as Go's `strconv.ParseInt` reads them with base 0.

/// Reads decimal, `0x`, `0o`, `0b` and octal with a leading zero; `_` may separate digits the way
/// Go allows. None if it is no number or does not fit.
pub(crate) fn parse_int(text: &str) -> Option<i64> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (radix, body) = radix_of(digits);
    if !underscores_fit(body, radix != 10) {
        return None;
    }
    let plain: String = body.chars().filter(|c| *c != '_').collect();
    if plain.is_empty() || !plain.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    let magnitude = u64::from_str_radix(&plain, radix).ok()?;
    if negative {
        0_i64.checked_sub_unsigned(magnitude)
    } else {
        i64::try_from(magnitude).ok()
    }
}

fn radix_of(digits: &str) -> (u32, &str) {
    let prefix = |p: &str| digits.get(..2).is_some_and(|d| d.eq_ignore_ascii_case(p));
    if digits.len() > 2 && prefix("0x") {
        (16, &digits[2..])
    } else if digits.len() > 2 && prefix("0o") {
        (8, &digits[2..])
    } else if digits.len() > 2 && prefix("0b") {
        (2, &digits[2..])
    } else if digits.len() > 1 && digits.starts_with('0') {
        (8, &digits[1..])
    } else {
        (10, digits)
    }
}

/// `_` must stand between digits, or between a base prefix and a digit.
fn underscores_fit(body: &str, after_prefix: bool) -> bool {
    let leading = body.starts_with('_') && !after_prefix;
    !leading && !body.ends_with('_') && !body.contains("__")
}

#[cfg(test)]
mod tests {
    use super::parse_int;

    #[test]
    fn reads_every_base_that_go_reads() {
        let cases = [
            ("0", Some(0)),
            ("010", Some(8)),
            ("0x1F", Some(31)),
            ("-0b11", Some(-3)),
            ("0o17", Some(15)),
            ("1_000", Some(1000)),
            ("0x_ff", Some(255)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("09", None),
            ("0x", None),
            ("_1", None),
            ("1__0", None),
            ("+-1", None),
            ("1.0", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_int(text), expected, "{text}");
        }
    }
}
