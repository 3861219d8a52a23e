//! Join tokens and journals.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Mirror, id, must, refused, selectors};
use crate::{JoinToken, Journal, NewEntry, Store, StoreError};

fn token(token: &str, expires_at: i64) -> JoinToken {
    JoinToken {
        token: token.to_owned(),
        expires_at,
    }
}

pub(super) async fn tokens(store: Arc<dyn Store>, mirror: Arc<Mirror>) {
    let alias = |path: &str| NewEntry::new(id("/host"), id(path), selectors(&["spiffe_id:x"]));
    must(
        store
            .create_join_token(token("a", 100), Some(alias("/a")))
            .await,
    );
    let twice = refused(
        store
            .create_join_token(token("a", 200), Some(alias("/b")))
            .await,
    );
    assert!(matches!(twice, StoreError::AlreadyExists(_)));
    assert_eq!(
        mirror.known().entries.len(),
        1,
        "the alias comes and fails with its token"
    );
    assert_eq!(must(store.take_join_token("A").await), None);
    assert_eq!(
        must(store.take_join_token("a").await),
        Some(token("a", 100)),
        "expired or not"
    );
    assert_eq!(must(store.take_join_token("a").await), None);
    must(store.create_join_token(token("b", 100), None).await);
    must(store.create_join_token(token("c", 200), None).await);
    assert_eq!(
        must(
            store
                .prune_join_tokens(must(Timestamp::from_second(200)))
                .await
        ),
        1
    );
    assert_eq!(
        must(store.take_join_token("c").await),
        Some(token("c", 200))
    );
}

pub(super) async fn token_race(store: Arc<dyn Store>, _mirror: Arc<Mirror>) {
    must(store.create_join_token(token("one", 100), None).await);
    let mut users = tokio::task::JoinSet::new();
    for _ in 0..1000 {
        let store = Arc::clone(&store);
        users.spawn(async move { must(store.take_join_token("one").await) });
    }
    let winners = users.join_all().await.into_iter().flatten().count();
    assert_eq!(
        winners, 1,
        "of 1000 users of a token one has it, and none sees an error"
    );
}

pub(super) async fn journals(store: Arc<dyn Store>, _mirror: Arc<Mirror>) {
    assert_eq!(must(store.fetch_journal("x").await), None);
    let journal = |data: &[u8], active: &str| Journal {
        id: 0,
        data: data.to_vec(),
        active_x509_authority_id: active.to_owned(),
    };
    // Entries { x509_cas: [{ slot_id: "A", not_after: 100 }] }
    let ends_at_100 = [0x0a, 0x05, 0x0a, 0x01, b'A', 0x38, 100];
    let first = must(store.set_journal(journal(&ends_at_100, "x")).await);
    let second = must(store.set_journal(journal(&[], "y")).await);
    assert!(second.id > first.id && first.id > 0);
    assert_eq!(must(store.fetch_journal("x").await), Some(first.clone()));
    let moved = Journal {
        active_x509_authority_id: "z".to_owned(),
        ..first.clone()
    };
    assert_eq!(must(store.set_journal(moved.clone()).await), moved);
    assert_eq!(must(store.fetch_journal("x").await), None);
    assert_eq!(
        must(store.list_journals().await),
        [moved.clone(), second.clone()]
    );
    let missing = refused(store.set_journal(Journal { id: 99, ..moved }).await);
    assert!(matches!(missing, StoreError::NotFound));
    let at = |second| must(Timestamp::from_second(second));
    assert_eq!(
        must(store.prune_journals(at(99)).await),
        [second.id],
        "nothing in it has a time"
    );
    assert_eq!(must(store.prune_journals(at(100)).await), [first.id]);
    let garbage = must(store.set_journal(journal(&[0xff], "g")).await);
    let error = refused(store.prune_journals(at(100)).await);
    assert!(matches!(error, StoreError::Corrupt(_)), "{error:?}");
    assert_eq!(
        must(store.list_journals().await),
        [garbage],
        "and it is still there"
    );
}
