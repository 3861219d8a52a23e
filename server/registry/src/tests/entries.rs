use std::{collections::HashSet, sync::Arc};

use steeple_spiffe::Bundle;
use steeple_store::{CreatedEntry, Entry, EntryAttributes};

use super::{World, input, selectors};
use crate::{
    Match, Page, Registry, RegistryError, SelectorMatch,
    entries::{DomainMatch, EntryFilter, EntryInput, EntryMask},
    ids::IdInput,
};

fn entry(path: &str) -> EntryInput {
    EntryInput {
        spiffe_id: Some(input(path)),
        parent_id: Some(input("/host")),
        selectors: selectors(&["unix:uid:1", "unix:gid:1"]),
        ..EntryInput::default()
    }
}

async fn create(registry: &Registry, input: EntryInput) -> Result<Arc<Entry>, RegistryError> {
    match registry.entries().create_batch(&[input]).await.remove(0)? {
        CreatedEntry::New(entry) => Ok(entry),
        CreatedEntry::Similar(entry) => Err(RegistryError::AlreadyExists(entry.id.to_string())),
    }
}

fn invalid(text: &str) -> RegistryError {
    RegistryError::InvalidArgument(text.to_owned())
}

#[tokio::test(start_paused = true)]
async fn creation_is_refused_in_the_known_words() {
    let world = World::new().await;
    create(&world.registry, entry("/good")).await.unwrap();
    let other = IdInput {
        trust_domain: "other.org".into(),
        path: "/a".into(),
    };
    let plain = || entry("/w");
    let convert = "failed to convert entry: ";
    let write = "failed to create entry: datastore-validation: ";
    let cases = [
        (
            EntryInput {
                parent_id: None,
                ..plain()
            },
            convert,
            "invalid parent ID: request must specify SPIFFE ID",
        ),
        (
            EntryInput {
                parent_id: Some(other.clone()),
                ..plain()
            },
            convert,
            "invalid parent ID: \"spiffe://other.org/a\" is not a member of trust domain \"example.org\"",
        ),
        (
            EntryInput {
                spiffe_id: Some(input("/spire/x")),
                ..plain()
            },
            convert,
            "invalid spiffe ID: \"spiffe://example.org/spire/x\" is not a workload in trust domain \"example.org\"; path is in the reserved namespace",
        ),
        (
            EntryInput {
                dns_names: vec!["a..b".into()],
                ..plain()
            },
            convert,
            "invalid DNS name: idna error",
        ),
        (
            EntryInput {
                federates_with: vec!["A".into()],
                ..plain()
            },
            convert,
            "invalid federated trust domain: trust domain characters are limited to lowercase letters",
        ),
        (
            EntryInput {
                selectors: Vec::new(),
                ..plain()
            },
            convert,
            "selector list is empty",
        ),
        (
            EntryInput {
                selectors: selectors(&["unix:"]),
                ..plain()
            },
            convert,
            "missing selector value",
        ),
        (
            EntryInput {
                hint: "h".repeat(1025),
                ..plain()
            },
            convert,
            "hint is too long, max length is 1024 characters",
        ),
        (
            EntryInput {
                id: "a".repeat(256),
                ..plain()
            },
            write,
            "invalid registration entry: entry ID too long",
        ),
        (
            EntryInput {
                id: "a/b".into(),
                ..plain()
            },
            write,
            "invalid registration entry: entry ID contains invalid characters",
        ),
        (
            EntryInput {
                x509_svid_ttl: -1,
                ..plain()
            },
            write,
            "invalid registration entry: X509SvidTtl is not set",
        ),
        (
            EntryInput {
                jwt_svid_ttl: -1,
                ..plain()
            },
            write,
            "invalid registration entry: JwtSvidTtl is not set",
        ),
        (
            EntryInput {
                store_svid: true,
                selectors: selectors(&["a:1", "b:1"]),
                ..plain()
            },
            write,
            "invalid registration entry: selector types must be the same when store SVID is enabled",
        ),
        (
            EntryInput {
                store_svid: true,
                attributes: EntryAttributes {
                    disable_x509_svid_prefetch: true,
                    ..Default::default()
                },
                ..plain()
            },
            write,
            "specifying cache behaviour is incompatible with storable SVIDs",
        ),
    ];
    for (input, what, why) in cases {
        match create(&world.registry, input).await {
            Err(RegistryError::InvalidArgument(text)) => {
                assert!(text.starts_with(&format!("{what}{why}")), "{text}\n{why}");
            }
            other => panic!("{why}: {other:?}"),
        }
    }
    let unknown = EntryInput {
        federates_with: vec!["other.org".into()],
        ..plain()
    };
    let text = "failed to create entry: unable to find federated bundle \"spiffe://other.org\"";
    let error = create(&world.registry, unknown).await.unwrap_err();
    assert_eq!(error, RegistryError::Internal(text.into()));
    assert_eq!(
        world
            .registry
            .entries()
            .count(&EntryFilter::default())
            .unwrap(),
        1
    );
    // At the edge of what is allowed.
    let edge = EntryInput {
        id: "a".repeat(255),
        hint: "h".repeat(1024),
        ..plain()
    };
    create(&world.registry, edge).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_similar_entry_is_answered_as_it_is() {
    let world = World::new().await;
    let first = create(
        &world.registry,
        EntryInput {
            id: "one".into(),
            ..entry("/w")
        },
    )
    .await
    .unwrap();
    let again = EntryInput {
        selectors: selectors(&["unix:gid:1", "unix:uid:1"]),
        ..entry("/w")
    };
    let bad = EntryInput {
        selectors: Vec::new(),
        ..entry("/w")
    };
    let batch = [again, bad, entry("/v")];
    let mut answers = world
        .registry
        .entries()
        .create_batch(&batch)
        .await
        .into_iter();
    assert!(matches!(answers.next(), Some(Ok(CreatedEntry::Similar(found))) if *found == *first));
    assert_eq!(
        answers.next().unwrap().unwrap_err(),
        invalid("failed to convert entry: selector list is empty")
    );
    assert!(
        matches!(answers.next(), Some(Ok(CreatedEntry::New(_)))),
        "each in its place"
    );
    let same_id = EntryInput {
        id: "one".into(),
        ..entry("/u")
    };
    let text = "failed to create entry: datastore-sql: UNIQUE constraint failed: registered_entries.entry_id";
    let error = create(&world.registry, same_id).await.unwrap_err();
    assert_eq!(error, RegistryError::AlreadyExists(text.into()));
}

#[tokio::test(start_paused = true)]
async fn updates_take_what_the_mask_names_and_delete_deletes() {
    let world = World::new().await;
    let entries = world.registry.entries();
    let old = create(
        &world.registry,
        EntryInput {
            hint: "old".into(),
            ..entry("/w")
        },
    )
    .await
    .unwrap();
    assert_eq!((old.revision, old.created_at), (0, super::NOW));
    let none = EntryMask {
        hint: false,
        ..EntryMask::ALL
    };
    let only_hint = EntryMask {
        hint: true,
        spiffe_id: false,
        parent_id: false,
        selectors: false,
        x509_svid_ttl: false,
        jwt_svid_ttl: false,
        federates_with: false,
        admin: false,
        downstream: false,
        store_svid: false,
        expires_at: false,
        dns_names: false,
        attributes: false,
    };
    let hint = EntryInput {
        id: old.id.to_string(),
        hint: "new".into(),
        ..Default::default()
    };
    let new = entries
        .update_batch(&[hint], &only_hint)
        .await
        .remove(0)
        .unwrap();
    assert_eq!(
        *new,
        Entry {
            revision: 1,
            hint: "new".into(),
            ..(*old).clone()
        }
    );
    assert_eq!(entries.get(&old.id).unwrap(), new, "read your writes");
    let rest = EntryInput {
        id: old.id.to_string(),
        admin: true,
        hint: "x".into(),
        ..entry("/w2")
    };
    let new = entries
        .update_batch(&[rest], &none)
        .await
        .remove(0)
        .unwrap();
    assert_eq!(
        (&*new.hint, new.admin, new.spiffe_id.path(), new.revision),
        ("new", true, "/w2", 2)
    );

    let refused = async |input: EntryInput| {
        entries
            .update_batch(&[input], &EntryMask::ALL)
            .await
            .remove(0)
            .unwrap_err()
    };
    let missing = EntryInput {
        id: "nobody".into(),
        ..entry("/w")
    };
    assert_eq!(
        refused(missing).await,
        RegistryError::NotFound("failed to update entry".into())
    );
    let ttl = EntryInput {
        id: old.id.to_string(),
        x509_svid_ttl: -1,
        ..entry("/w")
    };
    let why = "failed to update entry: datastore-validation: invalid registration entry: X509SvidTtl is not set";
    assert_eq!(refused(ttl).await, invalid(why));
    let empty = EntryInput {
        id: old.id.to_string(),
        ..Default::default()
    };
    let why = "failed to convert entry: invalid parent ID: request must specify SPIFFE ID";
    assert_eq!(refused(empty).await, invalid(why));

    let ids = [old.id.to_string(), String::new(), old.id.to_string()];
    let mut answers = entries.delete_batch(&ids).await.into_iter();
    assert!(answers.next().unwrap().is_ok());
    assert_eq!(
        answers.next().unwrap().unwrap_err(),
        invalid("missing entry ID")
    );
    let gone = RegistryError::NotFound("entry not found".into());
    assert_eq!(answers.next().unwrap().unwrap_err(), gone);
    assert_eq!(entries.get(&old.id).unwrap_err(), gone);
    assert_eq!(entries.get("").unwrap_err(), invalid("missing ID"));
}

/// The paths of the entries that a filter finds.
fn found(registry: &Registry, filter: &EntryFilter) -> Vec<String> {
    let list = registry.entries().list(filter, &Page::default()).unwrap();
    assert_eq!(registry.entries().count(filter).unwrap(), list.items.len());
    list.items
        .iter()
        .map(|entry| entry.spiffe_id.path()[1..].to_owned())
        .collect()
}

async fn populate(registry: &Registry) {
    for name in ["one.org", "two.org"] {
        registry
            .bundles()
            .set(Bundle::empty(name.parse().unwrap()))
            .await
            .unwrap();
    }
    let with = |path: &str, texts: &[&str], domains: &[&str]| EntryInput {
        selectors: selectors(texts),
        federates_with: domains.iter().map(|&name| name.to_owned()).collect(),
        ..entry(path)
    };
    let inputs = [
        with("/a", &["x:1"], &["one.org"]),
        with("/b", &["x:1", "x:2"], &["one.org", "two.org"]),
        EntryInput {
            downstream: true,
            hint: "h".into(),
            ..with("/c", &["x:2", "x:3"], &[])
        },
        EntryInput {
            parent_id: Some(input("/other")),
            ..with("/a", &["x:3"], &[])
        },
    ];
    for input in inputs {
        create(registry, input).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn filters() {
    let world = World::new().await;
    let registry = &world.registry;
    populate(registry).await;
    assert_eq!(
        found(registry, &EntryFilter::default()),
        ["a", "b", "c", "a"]
    );
    let by = |texts: &[&str], how| EntryFilter {
        selectors: Some(SelectorMatch {
            selectors: selectors(texts),
            how,
        }),
        ..Default::default()
    };
    assert_eq!(found(registry, &by(&["x:1", "x:2"], Match::Exact)), ["b"]);
    assert_eq!(
        found(registry, &by(&["x:1", "x:2"], Match::Subset)),
        ["a", "b"]
    );
    assert_eq!(found(registry, &by(&["x:2"], Match::Superset)), ["b", "c"]);
    assert_eq!(
        found(registry, &by(&["x:3", "x:1"], Match::Any)),
        ["a", "b", "c", "a"]
    );
    let by = |names: &[&str], how| EntryFilter {
        federates_with: Some(DomainMatch {
            trust_domains: names.iter().map(|&name| name.to_owned()).collect(),
            how,
        }),
        ..Default::default()
    };
    assert_eq!(found(registry, &by(&["one.org"], Match::Exact)), ["a"]);
    assert_eq!(
        found(registry, &by(&["one.org", "three.org"], Match::Subset)),
        ["a"]
    );
    assert_eq!(
        found(registry, &by(&["spiffe://one.org"], Match::Superset)),
        ["a", "b"]
    );
    assert_eq!(
        found(registry, &by(&["two.org", "one.org"], Match::Any)),
        ["a", "b"]
    );

    let parent = EntryFilter {
        parent_id: Some(input("/other")),
        ..Default::default()
    };
    assert_eq!(found(registry, &parent), ["a"]);
    let id = EntryFilter {
        spiffe_id: Some(input("/a")),
        ..Default::default()
    };
    assert_eq!(found(registry, &id).len(), 2);
    let both = EntryFilter {
        parent_id: Some(input("/host")),
        ..id
    };
    assert_eq!(found(registry, &both).len(), 1);
    let hint = |hint: &str| EntryFilter {
        hint: Some(hint.into()),
        ..Default::default()
    };
    assert_eq!(found(registry, &hint("h")), ["c"]);
    assert_eq!(
        found(registry, &hint("")).len(),
        4,
        "an empty hint asks for nothing"
    );
    let downstream = |yes| EntryFilter {
        downstream: Some(yes),
        ..Default::default()
    };
    assert_eq!(found(registry, &downstream(true)), ["c"]);
    assert_eq!(
        found(registry, &downstream(false)).len(),
        4,
        "as with SPIRE"
    );

    let refused = |filter: EntryFilter| registry.entries().count(&filter).unwrap_err().to_string();
    assert_eq!(
        refused(EntryFilter {
            parent_id: Some(input("")),
            ..Default::default()
        }),
        "malformed parent ID filter: \"spiffe://example.org\" is not a member of trust domain \"example.org\"; path is empty"
    );
    assert!(
        refused(EntryFilter {
            spiffe_id: Some(input("/spire/server")),
            ..Default::default()
        })
        .starts_with("malformed SPIFFE ID filter: ")
    );
    let none = SelectorMatch {
        selectors: Vec::new(),
        how: Match::Any,
    };
    assert_eq!(
        refused(EntryFilter {
            selectors: Some(none),
            ..Default::default()
        }),
        "malformed selectors filter: empty selector set"
    );
    let none = DomainMatch {
        trust_domains: Vec::new(),
        how: Match::Any,
    };
    assert_eq!(
        refused(EntryFilter {
            federates_with: Some(none),
            ..Default::default()
        }),
        "malformed federates with filter: empty trust domain set"
    );
}

#[tokio::test(start_paused = true)]
async fn pages_cover_everything_once_and_survive_a_restart() {
    let world = World::new().await;
    let inputs: Vec<_> = (0..25).map(|n| entry(&format!("/w{n}"))).collect();
    for created in world.registry.entries().create_batch(&inputs).await {
        created.unwrap();
    }
    let mut page = Page {
        size: 10,
        token: String::new(),
    };
    let mut seen = Vec::new();
    let first = world
        .registry
        .entries()
        .list(&EntryFilter::default(), &page)
        .unwrap();
    seen.extend(first.items.iter().map(|entry| entry.id.clone()));
    page.token = first.next_token;
    let world = world.restarted().await;
    loop {
        let next = world
            .registry
            .entries()
            .list(&EntryFilter::default(), &page)
            .unwrap();
        seen.extend(next.items.iter().map(|entry| entry.id.clone()));
        if next.next_token.is_empty() {
            break;
        }
        page.token = next.next_token;
    }
    assert_eq!(
        (seen.len(), seen.iter().collect::<HashSet<_>>().len()),
        (25, 25)
    );
    let bad = Page {
        size: 1,
        token: "x".into(),
    };
    let error = world
        .registry
        .entries()
        .list(&EntryFilter::default(), &bad)
        .unwrap_err();
    assert_eq!(
        error,
        invalid("failed to list entries: could not parse token 'x'")
    );
}
