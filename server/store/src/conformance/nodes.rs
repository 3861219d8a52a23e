//! Nodes.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Mirror, entries::created, id, must, refused, selectors};
use crate::{NewEntry, NodeRecord, NodeUpdate, Store, StoreError};

fn node(path: &str) -> NodeRecord {
    NodeRecord {
        row: 0,
        id: id(path),
        attestation_type: "x509pop".to_owned(),
        serial: "1".to_owned(),
        expires_at: 1_800_000_000,
        new_serial: String::new(),
        new_expires_at: 0,
        selectors: selectors(&["x:b", "x:a"]),
        can_reattest: true,
        agent_version: String::new(),
    }
}

fn version(version: &str) -> NodeUpdate {
    NodeUpdate {
        agent_version: Some(version.to_owned()),
        ..NodeUpdate::default()
    }
}

pub(super) async fn attest(store: Arc<dyn Store>, mirror: Arc<Mirror>) {
    let first = must(store.attest_node(node("/a")).await);
    assert_eq!(
        *first,
        NodeRecord {
            row: first.row,
            ..node("/a")
        }
    );
    assert_eq!(
        mirror.node(&id("/a")),
        Some(Arc::clone(&first)),
        "known before the answer"
    );
    must(store.update_node(&id("/a"), version("1.2")).await);
    let renewed = NodeUpdate {
        new_serial: Some("2".to_owned()),
        new_expires_at: Some(5),
        ..NodeUpdate::default()
    };
    must(store.update_node(&id("/a"), renewed).await);
    let again = NodeRecord {
        serial: "3".to_owned(),
        expires_at: 1_900_000_000,
        selectors: selectors(&["x:c"]),
        can_reattest: false,
        ..node("/a")
    };
    let again = (again.clone(), must(store.attest_node(again).await));
    let expected = NodeRecord {
        row: first.row,
        agent_version: "1.2".to_owned(),
        ..again.0
    };
    assert_eq!(
        *again.1, expected,
        "a renewed SVID is forgotten, the version kept"
    );
    let unbanned = must(store.attest_node(node("/b")).await);
    assert!(unbanned.row > first.row);
    let ban = NodeUpdate {
        serial: Some(String::new()),
        ..NodeUpdate::default()
    };
    assert!(must(store.update_node(&id("/b"), ban).await).is_banned());
    let error = refused(store.attest_node(node("/b")).await);
    assert!(
        matches!(error, StoreError::FailedPrecondition(_)),
        "{error:?}"
    );
    assert!(mirror.node(&id("/b")).is_some_and(|node| node.is_banned()));
}

pub(super) async fn renew(store: Arc<dyn Store>, mirror: Arc<Mirror>) {
    must(store.attest_node(node("/a")).await);
    let renewal = NodeUpdate {
        new_serial: Some("2".to_owned()),
        new_expires_at: Some(1_850_000_000),
        ..NodeUpdate::default()
    };
    must(store.update_node(&id("/a"), renewal).await);
    let same = must(store.promote_node(&id("/a"), "7").await);
    assert_eq!(
        (same.serial.as_str(), same.new_serial.as_str()),
        ("1", "2"),
        "another serial"
    );
    let promoted = must(store.promote_node(&id("/a"), "2").await);
    let expected = NodeRecord {
        row: promoted.row,
        serial: "2".to_owned(),
        expires_at: 1_850_000_000,
        ..node("/a")
    };
    assert_eq!(*promoted, expected);
    assert_eq!(mirror.node(&id("/a")), Some(Arc::clone(&promoted)));
    assert_eq!(
        must(store.promote_node(&id("/a"), "2").await),
        promoted,
        "once"
    );
    assert_eq!(
        must(store.promote_node(&id("/a"), "").await),
        promoted,
        "no serial"
    );
    for missing in [
        store.promote_node(&id("/x"), "2").await,
        store.update_node(&id("/x"), version("1")).await,
    ] {
        assert!(matches!(missing, Err(StoreError::NotFound)));
    }
}

pub(super) async fn delete(store: Arc<dyn Store>, mirror: Arc<Mirror>) {
    let agent = "/spire/agent/join_token/t";
    let of_token = NodeRecord {
        attestation_type: "join_token".to_owned(),
        ..node(agent)
    };
    must(store.attest_node(of_token).await);
    must(store.attest_node(node("/other")).await);
    let alias = |parent: &str, name: &str| {
        let itself = format!("spiffe_id:{}", id(parent));
        NewEntry::new(id(parent), id(name), selectors(&[&itself]))
    };
    let aliased = created(&store, alias(agent, "/name")).await;
    created(
        &store,
        NewEntry::new(id(agent), id("/w"), selectors(&["unix:uid:1"])),
    )
    .await;
    created(&store, alias("/other", "/name2")).await;
    let deleted = must(store.delete_node(&id(agent)).await);
    assert_eq!(
        (deleted.node.id.path(), deleted.entries),
        (agent, vec![aliased])
    );
    assert_eq!(
        mirror.known().entries.len(),
        2,
        "entries that users have made stay"
    );
    let deleted = must(store.delete_node(&id("/other")).await);
    assert!(
        deleted.entries.is_empty(),
        "only a join token makes an alias entry"
    );
    assert!(mirror.known().nodes.is_empty());
    assert!(matches!(
        store.delete_node(&id("/other")).await,
        Err(StoreError::NotFound)
    ));
    // A node that comes back has nothing of the old one.
    must(
        store
            .attest_node(NodeRecord {
                selectors: Vec::new(),
                ..node("/other")
            })
            .await,
    );
    assert!(
        mirror
            .node(&id("/other"))
            .is_some_and(|node| node.selectors.is_empty())
    );
}

pub(super) async fn prune(store: Arc<dyn Store>, mirror: Arc<Mirror>) {
    let put = async |path: &str, expires_at: i64, can_reattest: bool| {
        must(
            store
                .attest_node(NodeRecord {
                    expires_at,
                    can_reattest,
                    ..node(path)
                })
                .await,
        );
    };
    put("/ended", 100, true).await;
    put("/ended-for-good", 100, false).await;
    put("/lives", 200, true).await;
    put("/banned", 100, true).await;
    let ban = NodeUpdate {
        serial: Some(String::new()),
        ..NodeUpdate::default()
    };
    must(store.update_node(&id("/banned"), ban).await);
    let at = must(Timestamp::from_second(150));
    assert!(
        must(store.prune_nodes(at, true, 0).await).is_empty(),
        "no more than the limit"
    );
    let pruned = must(store.prune_nodes(at, false, 10).await);
    assert_eq!(
        pruned.iter().map(|d| d.node.id.path()).collect::<Vec<_>>(),
        ["/ended"]
    );
    let pruned = must(store.prune_nodes(at, true, 10).await);
    assert_eq!(
        pruned.iter().map(|d| d.node.id.path()).collect::<Vec<_>>(),
        ["/ended-for-good"]
    );
    let left: Vec<_> = mirror.known().nodes.into_keys().collect();
    assert_eq!(left, [id("/banned"), id("/lives")]);
}
