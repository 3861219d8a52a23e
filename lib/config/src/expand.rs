//! `-expandEnv`: variables of the environment within the text of the file.

/// Replaces `$NAME` and `${NAME}` by what `lookup` says, nothing if it knows no such name, and
/// `$$` by `$`. What Go's `os.Expand` drops as malformed (`${}`, `${` without an end) is dropped.
pub fn expand_env(text: &str, lookup: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        let after = &after[1..];
        let (name, taken) = name_of(after);
        match name {
            Some("$") => out.push('$'),
            Some(name) => out.push_str(&lookup(name).unwrap_or_default()),
            // A lone `$` stays; `${` without a name goes, with what it took along.
            None if taken == 0 => out.push('$'),
            None => {}
        }
        rest = &after[taken..];
    }
    out.push_str(rest);
    out
}

/// The name behind a `$`, and how many bytes it takes.
fn name_of(text: &str) -> (Option<&str>, usize) {
    if let Some(braced) = text.strip_prefix('{') {
        return match braced.find('}') {
            Some(0) => (None, 2),
            Some(end) => (Some(&braced[..end]), end + 2),
            None => (None, 1),
        };
    }
    let special = |c: char| matches!(c, '*' | '#' | '$' | '@' | '!' | '?' | '-' | '0'..='9');
    if text.starts_with(special) {
        return (Some(&text[..1]), 1);
    }
    let named = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let end = text.find(|c| !named(c)).unwrap_or(text.len());
    ((end > 0).then(|| &text[..end]), end)
}
