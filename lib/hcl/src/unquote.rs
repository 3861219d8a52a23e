//! From what stands between quotes to what it means.

/// Whose rules apply.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Rules {
    /// HCL: what is within `${` and `}` stays as it is.
    Native,
    /// JSON: Go's string literals.
    Json,
}

/// The meaning of an HCL string, quotes included; none if it has no meaning, or none in UTF-8.
pub(crate) fn unquote_native(text: &str) -> Option<String> {
    let body = between_quotes(text)?;
    if !body.contains(['$', '{']) && body.contains('\n') {
        return None;
    }
    if !body.contains(['\\', '"', '$']) {
        return Some(body.to_owned());
    }
    unquote(body, Rules::Native)
}

/// The meaning of a JSON string, quotes included.
pub(crate) fn unquote_json(text: &str) -> Option<String> {
    let body = between_quotes(text)?;
    if body.contains('\n') {
        return None;
    }
    unquote(body, Rules::Json)
}

fn between_quotes(text: &str) -> Option<&str> {
    text.strip_prefix('"')?.strip_suffix('"')
}

fn unquote(body: &str, rules: Rules) -> Option<String> {
    let mut out = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some(c) = rest.chars().next() {
        if rules == Rules::Native && rest.starts_with("${") {
            let (kept, tail) = rest.split_at(interpolation_len(rest)?);
            out.extend_from_slice(kept.as_bytes());
            rest = tail;
            continue;
        }
        rest = match c {
            '\n' | '"' => return None,
            '\\' => escape(&rest[1..], rules, &mut out)?,
            c => {
                let (kept, tail) = rest.split_at(c.len_utf8());
                out.extend_from_slice(kept.as_bytes());
                tail
            }
        };
    }
    String::from_utf8(out).ok()
}

/// The length of `${ .. }` at the beginning, braces within counted.
fn interpolation_len(text: &str) -> Option<usize> {
    let mut braces = 1_usize;
    for (at, c) in text.char_indices().skip(2) {
        match c {
            '{' => braces += 1,
            '}' => braces -= 1,
            char::REPLACEMENT_CHARACTER => return None,
            _ => {}
        }
        if braces == 0 {
            return Some(at + 1);
        }
    }
    None
}

/// Writes what the escape at the beginning (without its backslash) stands for; returns the rest.
fn escape<'t>(text: &'t str, rules: Rules, out: &mut Vec<u8>) -> Option<&'t str> {
    let c = text.chars().next()?;
    let tail = &text[c.len_utf8()..];
    let simple = match c {
        'a' => 7,
        'b' => 8,
        'f' => 12,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 11,
        '\\' => b'\\',
        '"' => b'"',
        'x' => return digits(tail, 2, 16).and_then(|(v, tail)| byte(v, tail, out)),
        'u' => return digits(tail, 4, 16).and_then(|(v, tail)| rune(v, tail, rules, out)),
        'U' => return digits(tail, 8, 16).and_then(|(v, tail)| rune(v, tail, rules, out)),
        '0'..='7' => return digits(text, 3, 8).and_then(|(v, tail)| byte(v, tail, out)),
        _ => return None,
    };
    out.push(simple);
    Some(tail)
}

fn digits(text: &str, count: usize, radix: u32) -> Option<(u32, &str)> {
    let (digits, tail) = text.split_at_checked(count)?;
    if !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    Some((u32::from_str_radix(digits, radix).ok()?, tail))
}

fn byte<'t>(value: u32, tail: &'t str, out: &mut Vec<u8>) -> Option<&'t str> {
    out.push(u8::try_from(value).ok()?);
    Some(tail)
}

/// A half of a surrogate pair is refused in JSON and becomes U+FFFD in HCL.
fn rune<'t>(value: u32, tail: &'t str, rules: Rules, out: &mut Vec<u8>) -> Option<&'t str> {
    let c = match char::from_u32(value) {
        Some(c) => c,
        None if rules == Rules::Native && value <= 0x10_FFFF => char::REPLACEMENT_CHARACTER,
        None => return None,
    };
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    Some(tail)
}
