//! Entries as blocks of lines.

use steeple_proto::types::{Entry, Status};

use crate::{env::Env, error::CommandError, output::utc, server::filter::id_text, status};

/// One entry, ending with an empty line.
pub(crate) fn block(entry: &Entry) -> String {
    let id = if entry.id.is_empty() {
        "(none)"
    } else {
        &entry.id
    };
    let mut lines = vec![
        row("Entry ID", id),
        row("SPIFFE ID", &id_text(entry.spiffe_id.as_ref())),
        row("Parent ID", &id_text(entry.parent_id.as_ref())),
        row("Revision", &entry.revision_number.to_string()),
    ];
    flag(&mut lines, "Downstream", entry.downstream);
    lines.push(row("X509-SVID TTL", &ttl(entry.x509_svid_ttl)));
    lines.push(row("JWT-SVID TTL", &ttl(entry.jwt_svid_ttl)));
    if entry.expires_at != 0 {
        lines.push(row("Expiration time", &utc(entry.expires_at)));
    }
    let selectors = entry.selectors.iter();
    lines.extend(
        selectors.map(|found| row("Selector", &format!("{}:{}", found.r#type, found.value))),
    );
    lines.extend(
        entry
            .federates_with
            .iter()
            .map(|domain| row("FederatesWith", domain)),
    );
    lines.extend(entry.dns_names.iter().map(|name| row("DNS name", name)));
    flag(&mut lines, "Admin", entry.admin);
    flag(&mut lines, "StoreSvid", entry.store_svid);
    if !entry.hint.is_empty() {
        lines.push(row("Hint", &entry.hint));
    }
    if let Some(attributes) = &entry.additional_attributes {
        flag(
            &mut lines,
            "DisableX509SvidPrefetch",
            attributes.disable_x509_svid_prefetch,
        );
        flag(
            &mut lines,
            "JwtSvidIncludeJti",
            attributes.jwt_svid_include_jti,
        );
    }
    lines.push("\n".to_owned());
    lines.join("\n")
}

fn row(label: &str, value: &str) -> String {
    format!("{label:<24}: {value}")
}

/// Rare properties are shown only where they hold.
fn flag(lines: &mut Vec<String>, label: &str, holds: bool) {
    if holds {
        lines.push(row(label, "true"));
    }
}

fn ttl(seconds: i32) -> String {
    if seconds == 0 {
        "default".to_owned()
    } else {
        seconds.to_string()
    }
}

/// The results of a batch: what succeeded, then what failed on standard error. `action` is the
/// command's own verb.
pub(crate) fn results<'a>(
    env: &mut Env,
    action: &str,
    results: impl Iterator<Item = (Option<&'a Status>, &'a Option<Entry>)>,
) -> Result<(), CommandError> {
    let mut failed = Vec::new();
    for (status, entry) in results {
        let entry = entry.clone().unwrap_or_default();
        if status::is_ok(status) {
            write!(env.stdout, "{}", block(&entry))?;
        } else {
            failed.push((status::describe_result(status), entry));
        }
    }
    for (why, entry) in &failed {
        env.complain(&format!("Failed to {action} the following entry ({why}):"));
        env.complain(block(entry).trim_end_matches('\n'));
        env.complain("");
    }
    if failed.is_empty() {
        return Ok(());
    }
    Err(CommandError::Usage(format!(
        "failed to {action} one or more entries"
    )))
}

#[cfg(test)]
mod tests {
    use steeple_proto::types::{Selector, Spiffeid, entry::AdditionalAttributes};

    use super::*;
    use crate::testing::capture;

    fn id(path: &str) -> Option<Spiffeid> {
        Some(Spiffeid {
            trust_domain: "example.org".into(),
            path: path.into(),
        })
    }

    fn selector(value: &str) -> Selector {
        Selector {
            r#type: "unix".into(),
            value: value.into(),
        }
    }

    #[test]
    fn a_plain_entry() {
        let entry = Entry {
            id: "one".into(),
            spiffe_id: id("/web"),
            parent_id: id("/node"),
            selectors: vec![selector("uid:1000")],
            ..Default::default()
        };
        let expected = "Entry ID                : one\n\
            SPIFFE ID               : spiffe://example.org/web\n\
            Parent ID               : spiffe://example.org/node\n\
            Revision                : 0\n\
            X509-SVID TTL           : default\n\
            JWT-SVID TTL            : default\n\
            Selector                : unix:uid:1000\n\n";
        assert_eq!(block(&entry), expected);
    }

    #[test]
    fn an_entry_with_everything() {
        let entry = Entry {
            spiffe_id: id("/web"),
            parent_id: id("/node"),
            revision_number: 3,
            downstream: true,
            x509_svid_ttl: 60,
            jwt_svid_ttl: 30,
            expires_at: 1_700_000_000,
            selectors: vec![selector("uid:1"), selector("gid:2")],
            federates_with: vec!["a.org".into(), "b.org".into()],
            dns_names: vec!["web.example".into()],
            admin: true,
            store_svid: true,
            hint: "outer".into(),
            additional_attributes: Some(AdditionalAttributes {
                disable_x509_svid_prefetch: true,
                jwt_svid_include_jti: true,
            }),
            ..Default::default()
        };
        let expected = "Entry ID                : (none)\n\
            SPIFFE ID               : spiffe://example.org/web\n\
            Parent ID               : spiffe://example.org/node\n\
            Revision                : 3\n\
            Downstream              : true\n\
            X509-SVID TTL           : 60\n\
            JWT-SVID TTL            : 30\n\
            Expiration time         : 2023-11-14 22:13:20 +0000 UTC\n\
            Selector                : unix:uid:1\n\
            Selector                : unix:gid:2\n\
            FederatesWith           : a.org\n\
            FederatesWith           : b.org\n\
            DNS name                : web.example\n\
            Admin                   : true\n\
            StoreSvid               : true\n\
            Hint                    : outer\n\
            DisableX509SvidPrefetch : true\n\
            JwtSvidIncludeJti       : true\n\n";
        assert_eq!(block(&entry), expected);
    }

    #[test]
    fn failures_go_to_standard_error_with_code_and_text() {
        let ok = Status::default();
        let exists = Status {
            code: 6,
            message: "similar entry already exists".into(),
        };
        let good = Some(Entry {
            id: "good".into(),
            ..Default::default()
        });
        let bad = Some(Entry::default());
        let (result, stdout, stderr) = capture(|env| {
            results(
                env,
                "create",
                [(Some(&exists), &bad), (Some(&ok), &good)].into_iter(),
            )
        });
        assert_eq!(
            result.unwrap_err().to_string(),
            "failed to create one or more entries"
        );
        assert!(
            stdout.starts_with("Entry ID                : good\n"),
            "{stdout}"
        );
        let head = "Failed to create the following entry (code: AlreadyExists, msg: \"similar entry already exists\"):\n\
            Entry ID                : (none)\n";
        assert!(stderr.starts_with(head), "{stderr}");
        assert!(stderr.ends_with(": default\n\n"), "{stderr}");
    }
}
