//! Bundles.

use std::sync::Arc;

use jiff::Timestamp;
use steeple_spiffe::{Bundle, JwtAuthority, X509Authority};

use super::{Mirror, domain, entries::created, id, must, refused, selectors};
use crate::{DeleteMode, NewEntry, Store, StoreError};

/// A self-signed certificate (P-256) that ends on 2040-01-01, with subject key ID 01..14.
const ROOT: &str = include_str!("root.der.hex");
const ROOT_ID: &str = "0102030405060708090a0b0c0d0e0f1011121314";

fn root() -> X509Authority {
    let hex = ROOT.trim().as_bytes();
    let digit = |byte: u8| must(u8::from_str_radix(&char::from(byte).to_string(), 16));
    let der = hex
        .chunks(2)
        .map(|pair| digit(pair[0]) << 4 | digit(pair[1]))
        .collect();
    X509Authority {
        der,
        tainted: false,
    }
}

fn key(id: &str, expires_at: i64) -> JwtAuthority {
    JwtAuthority {
        key_id: id.into(),
        public_key: vec![1],
        expires_at,
        tainted: false,
    }
}

fn bundle() -> Bundle {
    Bundle {
        x509_authorities: vec![root()],
        jwt_authorities: vec![key("a", 1_000)],
        refresh_hint: 60,
        sequence_number: 7,
        ..Bundle::empty(domain("example.org"))
    }
}

pub(super) async fn edit(store: Arc<dyn Store>, mirror: Arc<Mirror>) {
    let own = domain("example.org");
    assert_eq!(must(store.fetch_bundle(&own).await), None);
    assert!(
        !must(store.prune_bundle(&own, Timestamp::MAX).await),
        "nothing to prune"
    );
    assert_eq!(
        *must(store.append_bundle(bundle()).await),
        bundle(),
        "created as given"
    );
    assert_eq!(
        must(store.append_bundle(bundle()).await).sequence_number,
        7,
        "nothing new"
    );
    let more = Bundle {
        jwt_authorities: vec![key("a", 1_000), key("b", 3_000)],
        ..bundle()
    };
    let grown = must(store.append_bundle(more).await);
    assert_eq!((grown.sequence_number, grown.jwt_authorities.len()), (8, 2));
    assert_eq!(
        must(store.fetch_bundle(&own).await),
        Some(Arc::clone(&grown))
    );
    assert_eq!(
        mirror.known().bundles.get(&own).map(|known| &known.1),
        Some(&grown)
    );
    let exists = refused(store.create_bundle(bundle()).await);
    assert!(matches!(exists, StoreError::AlreadyExists(_)));

    let at = |second| must(Timestamp::from_second(second));
    assert!(!must(store.prune_bundle(&own, at(999)).await));
    assert!(
        must(store.prune_bundle(&own, at(1_000)).await),
        "at its end it has ended"
    );
    let pruned = must(store.fetch_bundle(&own).await);
    let pruned = pruned.map(|b| (b.sequence_number, b.jwt_authorities.clone()));
    assert_eq!(pruned, Some((9, vec![key("b", 3_000)])));
    for all in [at(3_000), at(2_300_000_000)] {
        let error = refused(store.prune_bundle(&own, all).await);
        assert!(
            matches!(error, StoreError::FailedPrecondition(_)),
            "never the last: {error:?}"
        );
    }
    let set = must(store.set_bundle(bundle()).await);
    assert_eq!(*set, bundle(), "sequence number and all");
}

pub(super) async fn taint_and_revoke(store: Arc<dyn Store>, mirror: Arc<Mirror>) {
    let own = domain("example.org");
    let gone = refused(store.taint_jwt_authority(&own, "a").await);
    assert!(matches!(gone, StoreError::NotFound));
    must(store.set_bundle(bundle()).await);
    let early = refused(store.revoke_x509_authority(&own, ROOT_ID).await);
    assert!(matches!(early, StoreError::BadRequest(_)));
    assert!(must(store.taint_x509_authority(&own, ROOT_ID).await).x509_authorities[0].tainted);
    let twice = refused(store.taint_x509_authority(&own, ROOT_ID).await);
    assert!(matches!(twice, StoreError::BadRequest(_)));
    let other = refused(store.taint_x509_authority(&own, "00").await);
    assert!(matches!(other, StoreError::NotFound));
    let revoked = must(store.revoke_x509_authority(&own, ROOT_ID).await);
    assert_eq!(
        (revoked.x509_authorities.len(), revoked.sequence_number),
        (0, 9)
    );

    let early = refused(store.revoke_jwt_authority(&own, "a").await);
    assert!(matches!(early, StoreError::BadRequest(_)));
    assert!(must(store.taint_jwt_authority(&own, "a").await).jwt_authorities[0].tainted);
    let revoked = must(store.revoke_jwt_authority(&own, "a").await);
    assert_eq!(
        (revoked.jwt_authorities.len(), revoked.sequence_number),
        (0, 11)
    );
    assert_eq!(
        mirror.known().bundles.get(&own).map(|known| &known.1),
        Some(&revoked)
    );
}

pub(super) async fn delete(store: Arc<dyn Store>, mirror: Arc<Mirror>) {
    let other = domain("other.org");
    let missing = refused(store.delete_bundle(&other, DeleteMode::Restrict).await);
    assert!(matches!(missing, StoreError::NotFound));
    let set = async || drop(must(store.set_bundle(Bundle::empty(other.clone())).await));
    let entry = async |path: &str| {
        let plain = NewEntry::new(id("/host"), id(path), selectors(&["unix:uid:1"]));
        created(
            &store,
            NewEntry {
                federates_with: vec![other.clone()],
                ..plain
            },
        )
        .await
    };
    set().await;
    must(store.delete_bundle(&other, DeleteMode::Restrict).await);
    set().await;
    let federated = entry("/a").await;
    let error = refused(store.delete_bundle(&other, DeleteMode::Restrict).await);
    assert_eq!(
        error.to_string(),
        "datastore-sql: cannot delete bundle; federated with 1 registration entries"
    );
    must(store.delete_bundle(&other, DeleteMode::Dissociate).await);
    let left = mirror
        .entry(&federated.id)
        .map(|entry| entry.federates_with.len());
    assert_eq!(left, Some(0), "the entry stays, and observers know");
    set().await;
    let federated = entry("/b").await;
    must(store.delete_bundle(&other, DeleteMode::Delete).await);
    assert_eq!(mirror.entry(&federated.id), None);
    assert!(mirror.known().bundles.is_empty());
}
