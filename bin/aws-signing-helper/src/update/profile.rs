//! One profile in the text of a credentials file.

use crate::credentials::Credentials;

/// `text` with the credentials in the section `[profile]`; all else stays as it is, line by line.
pub(super) fn put(text: &str, profile: &str, credentials: &Credentials) -> String {
    let keys = [
        ("aws_access_key_id", &credentials.access_key_id),
        ("aws_secret_access_key", &credentials.secret_access_key),
        ("aws_session_token", &credentials.session_token),
    ];
    let lines: Vec<&str> = text.lines().collect();
    let header = format!("[{profile}]");
    let Some(start) = lines.iter().position(|line| line.trim_end() == header) else {
        return append(text, &header, &keys);
    };
    let (before, section) = lines.split_at(start + 1);
    let end = section.iter().position(|line| line.starts_with('['));
    let (section, after) = section.split_at(end.unwrap_or(section.len()));

    let mut written = Vec::new();
    let mut new = Vec::new();
    for line in section {
        match keys.iter().find(|(key, _)| is_key(line, key)) {
            // A key that stands twice is written once.
            Some((key, _)) if written.contains(key) => {}
            Some((key, value)) => {
                new.push(format!("{key} = {value}"));
                written.push(key);
            }
            None => new.push((*line).to_owned()),
        }
    }
    // What is missing comes before the empty lines that set the next section off.
    let at = new.iter().rposition(|line| !line.trim().is_empty());
    let missing = keys.iter().filter(|(key, _)| !written.contains(key));
    let missing = missing.map(|(key, value)| format!("{key} = {value}"));
    let at = at.map_or(0, |last| last + 1);
    new.splice(at..at, missing);

    let before = before.iter().map(|line| (*line).to_owned());
    let after = after.iter().map(|line| (*line).to_owned());
    let mut lines: Vec<String> = before.chain(new).chain(after).collect();
    lines.push(String::new());
    lines.join("\n")
}

fn append(text: &str, header: &str, keys: &[(&str, &String)]) -> String {
    let mut text = text.to_owned();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    let lines = keys.iter().map(|(key, value)| format!("{key} = {value}\n"));
    format!("{text}{header}\n{}\n", lines.collect::<String>())
}

fn is_key(line: &str, key: &str) -> bool {
    let rest = line.strip_prefix(key).map(str::trim_start);
    rest.is_some_and(|rest| rest.starts_with('='))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::tests::sample;

    fn update(text: &str) -> String {
        let credentials = sample("2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z");
        put(text, "test", &credentials)
    }

    const NEW: &str = "aws_access_key_id = ASIA1\naws_secret_access_key = secret/+\naws_session_token = token==\n";

    #[test]
    fn a_missing_profile_is_appended() {
        assert_eq!(update(""), format!("[test]\n{NEW}\n"));
        assert_eq!(
            update("[other]\nregion = x"),
            format!("[other]\nregion = x\n[test]\n{NEW}\n")
        );
    }

    #[test]
    fn keys_are_replaced_and_all_else_is_kept() {
        let old = "# top\n[a]\naws_access_key_id = A\n\n[test]\n# mine\nregion = x\naws_session_token=old\naws_secret_access_key = old\noutput = json\n\n[z]\naws_access_key_id = Z\n";
        let new = "# top\n[a]\naws_access_key_id = A\n\n[test]\n# mine\nregion = x\naws_session_token = token==\naws_secret_access_key = secret/+\noutput = json\naws_access_key_id = ASIA1\n\n[z]\naws_access_key_id = Z\n";
        assert_eq!(update(old), new);
        assert_eq!(update(new), new);
    }

    #[test]
    fn a_last_line_is_never_lost_and_a_bare_header_never_doubled() {
        assert_eq!(update("[test]"), format!("[test]\n{NEW}"));
        assert_eq!(
            update("[test]\nregion = x"),
            format!("[test]\nregion = x\n{NEW}")
        );
        let long = format!("[test]\nx = {}\n", "y".repeat(100_000));
        assert_eq!(update(&long), format!("{long}{NEW}"));
    }
}
