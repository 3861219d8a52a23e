//! Entries.

use std::sync::Arc;

use jiff::Timestamp;
use steeple_spiffe::Bundle;

use super::{Mirror, domain, id, must, refused, selectors};
use crate::{
    CreatedEntry, Entry, EntryAttributes, EntryChanges, EntryUpdate, NewEntry, Store, StoreError,
};

fn new(parent: &str, spiffe_id: &str, with: &[&str]) -> NewEntry {
    NewEntry::new(id(parent), id(spiffe_id), selectors(with))
}

pub(super) async fn put(store: &Arc<dyn Store>, new: NewEntry) -> Result<CreatedEntry, StoreError> {
    let mut answers = must(store.create_entries(vec![new]).await);
    assert_eq!(answers.len(), 1);
    answers.remove(0)
}

pub(super) async fn created(store: &Arc<dyn Store>, new: NewEntry) -> Arc<Entry> {
    match must(put(store, new).await) {
        CreatedEntry::New(entry) => entry,
        CreatedEntry::Similar(entry) => {
            assert!(entry.id.is_empty(), "{} is similar", entry.id);
            entry
        }
    }
}

pub(super) async fn create(store: Arc<dyn Store>, mirror: Arc<Mirror>) {
    must(store.set_bundle(Bundle::empty(domain("b.org"))).await);
    must(store.set_bundle(Bundle::empty(domain("a.org"))).await);
    let full = NewEntry {
        id: Some("mine.1".to_owned()),
        x509_svid_ttl: 60,
        jwt_svid_ttl: 30,
        federates_with: vec![domain("a.org"), domain("b.org"), domain("a.org")],
        admin: true,
        downstream: true,
        store_svid: true,
        expires_at: 1_900_000_000,
        dns_names: vec!["z.example.org".to_owned(), "a.example.org".to_owned()],
        hint: "h".to_owned(),
        attributes: EntryAttributes {
            disable_x509_svid_prefetch: false,
            jwt_svid_include_jti: true,
        },
        ..new("/host", "/full", &["unix:uid:2", "unix:uid:1"])
    };
    let entry = created(&store, full.clone()).await;
    assert_eq!(
        mirror.entry("mine.1").as_deref(),
        Some(&*entry),
        "known before the answer"
    );
    assert_eq!(entry.revision, 0);
    assert_eq!(
        entry.dns_names.iter().map(|n| &**n).collect::<Vec<_>>(),
        full.dns_names
    );
    assert_eq!(*entry.selectors, *full.selectors, "in the order given");
    assert_eq!(
        *entry.federates_with,
        [domain("b.org"), domain("a.org")],
        "each once"
    );
    assert_eq!(
        (entry.x509_svid_ttl, entry.jwt_svid_ttl, &*entry.hint),
        (60, 30, "h")
    );
    assert!(entry.admin && entry.downstream && entry.store_svid);
    assert_eq!(
        (entry.expires_at, entry.attributes),
        (1_900_000_000, full.attributes)
    );

    let plain = created(&store, new("/host", "/plain", &["unix:uid:1"])).await;
    assert_eq!(
        (plain.id.len(), plain.row > entry.row),
        (36, true),
        "a UUID, and a later row"
    );

    let again = NewEntry {
        id: full.id.clone(),
        ..new("/host", "/other", &["unix:uid:1"])
    };
    let unknown = NewEntry {
        federates_with: vec![domain("c.org")],
        ..new("/h", "/u", &["unix:uid:1"])
    };
    let good = new("/host", "/good", &["unix:uid:1"]);
    let mut batch = must(store.create_entries(vec![again, unknown, good]).await).into_iter();
    assert!(matches!(
        batch.next(),
        Some(Err(StoreError::AlreadyExists(_)))
    ));
    assert!(
        matches!(batch.next(), Some(Err(StoreError::NoFederatedBundle(id))) if id == "spiffe://c.org")
    );
    assert!(
        matches!(batch.next(), Some(Ok(CreatedEntry::New(_)))),
        "others go on"
    );
    assert_eq!(mirror.known().entries.len(), 3, "what failed left nothing");
}

pub(super) async fn similar(store: Arc<dyn Store>, mirror: Arc<Mirror>) {
    let first = created(&store, new("/host", "/w", &["unix:uid:1", "unix:gid:1"])).await;
    let same = NewEntry {
        hint: "x".into(),
        ..new("/host", "/w", &["unix:gid:1", "unix:uid:1"])
    };
    match must(put(&store, same.clone()).await) {
        CreatedEntry::Similar(found) => assert_eq!(found, first),
        CreatedEntry::New(entry) => assert!(entry.id.is_empty(), "{entry:?} is not new"),
    }
    for different in [
        new("/host", "/w", &["unix:uid:1"]),
        new("/host", "/w", &["unix:uid:1", "unix:gid:1", "unix:user:a"]),
        new("/host2", "/w", &["unix:uid:1", "unix:gid:1"]),
        new("/host", "/w2", &["unix:uid:1", "unix:gid:1"]),
    ] {
        created(&store, different).await;
    }
    // Also where an identity, and then a parent too, has very many entries.
    let many = (0..100).map(|n| new(&format!("/h{n}"), "/w", &["unix:uid:1", "unix:gid:1"]));
    must(store.create_entries(many.collect()).await);
    assert!(matches!(
        must(put(&store, same.clone()).await),
        CreatedEntry::Similar(_)
    ));
    let many = (0..100).map(|n| new("/host", "/w", &[&format!("unix:uid:{n}"), "unix:user:x"]));
    must(store.create_entries(many.collect()).await);
    assert!(matches!(
        must(put(&store, same).await),
        CreatedEntry::Similar(_)
    ));
    assert_eq!(mirror.known().entries.len(), 205);
}

async fn change(
    store: &Arc<dyn Store>,
    id: &str,
    changes: EntryChanges,
) -> Result<Arc<Entry>, StoreError> {
    let update = EntryUpdate {
        id: id.to_owned(),
        changes,
    };
    must(store.update_entries(vec![update]).await).remove(0)
}

pub(super) async fn update(store: Arc<dyn Store>, mirror: Arc<Mirror>) {
    must(store.set_bundle(Bundle::empty(domain("a.org"))).await);
    let old = created(
        &store,
        NewEntry {
            federates_with: vec![domain("a.org")],
            dns_names: vec!["a".into()],
            ..new("/host", "/w", &["unix:uid:1"])
        },
    )
    .await;
    let kept = must(change(&store, &old.id, EntryChanges::default()).await);
    assert_eq!(
        *kept,
        Entry {
            revision: 1,
            ..(*old).clone()
        },
        "nothing but the revision"
    );
    let changes = EntryChanges {
        spiffe_id: Some(id("/w2")),
        parent_id: Some(id("/host2")),
        selectors: Some(selectors(&["unix:uid:2", "unix:uid:1"])),
        federates_with: Some(Vec::new()),
        dns_names: Some(vec!["c".into(), "b".into()]),
        x509_svid_ttl: Some(5),
        jwt_svid_ttl: Some(6),
        admin: Some(true),
        downstream: Some(true),
        store_svid: Some(true),
        expires_at: Some(7),
        hint: Some("h".into()),
        attributes: Some(EntryAttributes {
            disable_x509_svid_prefetch: true,
            ..EntryAttributes::default()
        }),
    };
    let new = must(change(&store, &old.id, changes.clone()).await);
    assert_eq!(
        (new.revision, new.row, new.created_at),
        (2, old.row, old.created_at)
    );
    assert_eq!(
        (new.spiffe_id.path(), new.parent_id.path()),
        ("/w2", "/host2")
    );
    assert_eq!(Some(new.selectors.to_vec()), changes.selectors);
    assert_eq!(
        (new.federates_with.len(), new.dns_names.len(), &*new.hint),
        (0, 2, "h")
    );
    assert_eq!(
        (new.x509_svid_ttl, new.jwt_svid_ttl, new.expires_at),
        (5, 6, 7)
    );
    assert!(new.admin && new.downstream && new.store_svid);
    assert_eq!(Some(new.attributes), changes.attributes);
    assert_eq!(mirror.entry(&old.id), Some(Arc::clone(&new)));

    let mixed = EntryChanges {
        selectors: Some(selectors(&["unix:uid:1", "k8s:ns:a"])),
        ..EntryChanges::default()
    };
    assert!(matches!(
        change(&store, &old.id, mixed).await,
        Err(StoreError::Invalid(_))
    ));
    let unknown = EntryChanges {
        federates_with: Some(vec![domain("c.org")]),
        ..EntryChanges::default()
    };
    let error = refused(change(&store, &old.id, unknown).await);
    assert!(matches!(error, StoreError::NoFederatedBundle(_)));
    let missing = change(&store, "nobody", EntryChanges::default()).await;
    assert!(matches!(missing, Err(StoreError::NotFound)));
    assert_eq!(
        mirror.entry(&old.id),
        Some(new),
        "refusals left it as it was"
    );
}

pub(super) async fn delete_and_prune(store: Arc<dyn Store>, mirror: Arc<Mirror>) {
    let mut made = Vec::new();
    for (n, expires_at) in [0, 100, 200].into_iter().enumerate() {
        let new = NewEntry {
            expires_at,
            ..new("/host", &format!("/w{n}"), &["unix:uid:1"])
        };
        made.push(created(&store, new).await);
    }
    let pruned = must(store.prune_entries(must(Timestamp::from_second(200))).await);
    assert_eq!(
        pruned,
        [Arc::clone(&made[1])],
        "ended before, not at, and never for 0"
    );
    let ids = vec![
        made[0].id.to_string(),
        made[1].id.to_string(),
        String::new(),
    ];
    let mut answers = must(store.delete_entries(ids).await).into_iter();
    assert!(matches!(answers.next(), Some(Ok(entry)) if entry == made[0]));
    assert!(matches!(answers.next(), Some(Err(StoreError::NotFound))));
    assert!(matches!(answers.next(), Some(Err(StoreError::NotFound))));
    let left: Vec<_> = mirror.known().entries.into_values().collect();
    assert_eq!(left, [Arc::clone(&made[2])]);
    // What belonged to the deleted entry is gone with it.
    let again = NewEntry {
        id: Some(made[0].id.to_string()),
        ..new("/host", "/w0", &["unix:uid:1"])
    };
    assert!(
        created(&store, again).await.row > made[2].row,
        "rows are not used twice"
    );
}
