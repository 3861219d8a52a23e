//! Entries and entry IDs from a JSON file.

use std::{fs::File, io::Read, path::Path};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use steeple_proto::types::{Entry, Selector, entry::AdditionalAttributes};
use steeple_spiffe::TrustDomain;

use crate::{env::Env, error::CommandError, server::filter::spiffe_id};

/// The largest file that is read.
const MAX_FILE: u64 = 256 << 20;

/// The entries in `path`, or on standard input for `-`.
pub(crate) fn entries(path: &str, env: &mut Env) -> Result<Vec<Entry>, CommandError> {
    let what = "registration entries";
    let file: EntriesFile = read(path, what, env)?;
    let entries = file.entries.into_iter().enumerate();
    entries
        .map(|(at, entry)| {
            let entry = entry.ok_or_else(|| "missing registration entry".to_owned());
            entry
                .and_then(FileEntry::into_wire)
                .map_err(|why| CommandError::Content {
                    what,
                    origin: origin(path),
                    why: format!("entry {}: {why}", at + 1),
                })
        })
        .collect()
}

/// The entry IDs in `path`, or on standard input for `-`.
pub(crate) fn ids(path: &str, env: &mut Env) -> Result<Vec<String>, CommandError> {
    let file: IdsFile = read(path, "entry IDs", env)?;
    Ok(file.ids)
}

#[derive(Deserialize)]
struct EntriesFile {
    #[serde(default)]
    entries: Vec<Option<FileEntry>>,
}

#[derive(Deserialize)]
struct IdsFile {
    #[serde(default)]
    ids: Vec<String>,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct FileEntry {
    selectors: Vec<FileSelector>,
    parent_id: String,
    spiffe_id: String,
    x509_svid_ttl: i32,
    jwt_svid_ttl: i32,
    federates_with: Vec<String>,
    entry_id: String,
    admin: bool,
    downstream: bool,
    entryexpiry: i64,
    dns_names: Vec<String>,
    revision_number: i64,
    store_svid: bool,
    hint: String,
    created_at: i64,
    additional_attributes: Option<FileAttributes>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct FileSelector {
    r#type: String,
    value: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct FileAttributes {
    disable_x509_svid_prefetch: bool,
    jwt_svid_include_jti: bool,
}

impl FileEntry {
    fn into_wire(self) -> Result<Entry, String> {
        let id =
            spiffe_id(&self.spiffe_id).map_err(|error| format!("invalid SPIFFE ID: {error}"))?;
        let parent =
            spiffe_id(&self.parent_id).map_err(|error| format!("invalid parent ID: {error}"))?;
        let domain = |text: &String| match TrustDomain::parse(text) {
            Ok(domain) => Ok(domain.as_str().to_owned()),
            Err(error) => Err(format!("invalid federated trust domain: {error}")),
        };
        Ok(Entry {
            id: self.entry_id,
            spiffe_id: Some(id),
            parent_id: Some(parent),
            selectors: self
                .selectors
                .into_iter()
                .map(FileSelector::into_wire)
                .collect(),
            x509_svid_ttl: self.x509_svid_ttl,
            jwt_svid_ttl: self.jwt_svid_ttl,
            federates_with: self
                .federates_with
                .iter()
                .map(domain)
                .collect::<Result<_, _>>()?,
            admin: self.admin,
            downstream: self.downstream,
            expires_at: self.entryexpiry,
            dns_names: self.dns_names,
            revision_number: self.revision_number,
            store_svid: self.store_svid,
            hint: self.hint,
            created_at: self.created_at,
            additional_attributes: self.additional_attributes.map(FileAttributes::into_wire),
        })
    }
}

impl FileSelector {
    fn into_wire(self) -> Selector {
        Selector {
            r#type: self.r#type,
            value: self.value,
        }
    }
}

impl FileAttributes {
    fn into_wire(self) -> AdditionalAttributes {
        AdditionalAttributes {
            disable_x509_svid_prefetch: self.disable_x509_svid_prefetch,
            jwt_svid_include_jti: self.jwt_svid_include_jti,
        }
    }
}

/// Reads JSON as Go does: names in any case, null as if absent, unknown names ignored.
fn read<T: DeserializeOwned>(
    path: &str,
    what: &'static str,
    env: &mut Env,
) -> Result<T, CommandError> {
    let bytes = bytes(path, env)?;
    let wrong = |error: serde_json::Error| CommandError::Content {
        what,
        origin: origin(path),
        why: error.to_string(),
    };
    let value: Value = serde_json::from_slice(&bytes).map_err(wrong)?;
    serde_json::from_value(as_go_reads(value)).map_err(wrong)
}

fn as_go_reads(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.into_iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(key, value)| (key.to_lowercase(), as_go_reads(value)))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.into_iter().map(as_go_reads).collect()),
        other => other,
    }
}

fn bytes(path: &str, env: &mut Env) -> Result<Vec<u8>, CommandError> {
    let mut bytes = Vec::new();
    let read = match path {
        "-" => env.stdin.by_ref().take(MAX_FILE).read_to_end(&mut bytes),
        _ => File::open(path).and_then(|file| file.take(MAX_FILE).read_to_end(&mut bytes)),
    };
    read.map_err(|source| CommandError::Read {
        path: Path::new(&origin(path)).to_owned(),
        source,
    })?;
    Ok(bytes)
}

fn origin(path: &str) -> String {
    if path == "-" {
        "standard input".to_owned()
    } else {
        path.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::capture_with;

    fn read_entries(json: &str) -> Result<Vec<Entry>, String> {
        capture_with(json, |env| entries("-", env))
            .0
            .map_err(|error| error.to_string())
    }

    #[test]
    fn every_field_is_read() {
        let json = r#"{"entries":[{"entry_id":"one","selectors":[{"type":"unix","value":"uid:1"}],
            "parent_id":"spiffe://example.org/node","spiffe_id":"spiffe://example.org/web",
            "x509_svid_ttl":60,"jwt_svid_ttl":30,"federates_with":["spiffe://a.org","b.org"],
            "admin":true,"downstream":true,"entryExpiry":1700000000,"dns_names":["web"],
            "revision_number":2,"store_svid":true,"hint":"h","created_at":5,
            "additional_attributes":{"disable_x509_svid_prefetch":true}, "unknown": 1}]}"#;
        let list = read_entries(json).unwrap();
        let entry = &list[0];
        assert_eq!(
            (entry.id.as_str(), entry.expires_at, entry.revision_number),
            ("one", 1_700_000_000, 2)
        );
        assert_eq!(
            (entry.x509_svid_ttl, entry.jwt_svid_ttl, entry.created_at),
            (60, 30, 5)
        );
        assert_eq!(entry.federates_with, ["a.org", "b.org"]);
        assert_eq!(
            (
                entry.selectors[0].r#type.as_str(),
                entry.selectors[0].value.as_str()
            ),
            ("unix", "uid:1")
        );
        assert!(entry.admin && entry.downstream && entry.store_svid);
        assert!(
            entry
                .additional_attributes
                .unwrap()
                .disable_x509_svid_prefetch
        );
    }

    #[test]
    fn names_may_have_any_case_and_null_counts_as_absent() {
        let json = r#"{"Entries":[{"SPIFFE_ID":"spiffe://example.org/a","Parent_Id":"spiffe://example.org/b","hint":null}]}"#;
        assert_eq!(read_entries(json).unwrap()[0].hint, "");
        assert_eq!(read_entries("{}").unwrap(), []);
    }

    #[test]
    fn a_mistake_is_named_with_its_entry() {
        let json = r#"{"entries":[{"spiffe_id":"spiffe://example.org/a","parent_id":"spiffe://example.org/b"},{"spiffe_id":"x"}]}"#;
        let error = read_entries(json).unwrap_err();
        assert_eq!(
            error,
            "could not read registration entries from standard input: entry 2: invalid SPIFFE ID: scheme is missing or invalid"
        );
        assert!(
            read_entries(r#"{"entries":[null]}"#)
                .unwrap_err()
                .ends_with("missing registration entry")
        );
        assert!(read_entries("{").unwrap_err().contains("line 1 column 1"));
    }

    #[test]
    fn ids_come_from_a_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), r#"{"ids":["a","b"]}"#).unwrap();
        let path = file.path().display().to_string();
        let read = |path: String| capture_with("", move |env| ids(&path, env)).0;
        assert_eq!(read(path).unwrap(), ["a", "b"]);
        let error = read("/nowhere/at/all".into()).unwrap_err().to_string();
        assert!(
            error.contains("/nowhere/at/all") && error.contains("No such file"),
            "{error}"
        );
    }
}
