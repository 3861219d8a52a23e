use super::{World, input, selectors};
use crate::{
    Match, Page, Registry, RegistryError, SelectorMatch,
    entries::EntryInput,
    nodes::{Attested, NodeFilter, Standing},
};

const AGENT: &str = "/spire/agent/x/1";

fn attested(path: &str) -> Attested {
    Attested {
        id: format!("spiffe://example.org{path}").parse().unwrap(),
        attestation_type: "x".into(),
        selectors: vec!["x:1".parse().unwrap(), "x:1".parse().unwrap()],
        can_reattest: false,
        serial: "1".into(),
        expires_at: super::NOW + 3600,
    }
}

#[tokio::test(start_paused = true)]
async fn a_life_of_an_agent() {
    let world = World::new().await;
    let nodes = world.registry.nodes();
    let id = attested(AGENT).id;
    assert_eq!(nodes.standing(&id, "1"), Standing::NotAttested);
    let node = nodes.put_attested(attested(AGENT)).await.unwrap();
    assert_eq!(node.selectors.len(), 1, "duplicates are dropped");
    assert_eq!(nodes.standing(&id, "1"), Standing::Active);
    assert_eq!(nodes.standing(&id, "2"), Standing::NotActive);
    assert_eq!(nodes.standing(&id, ""), Standing::NotActive);

    nodes
        .renew(&id, "2".into(), super::NOW + 7200)
        .await
        .unwrap();
    assert_eq!(
        nodes.standing(&id, "1"),
        Standing::Active,
        "until the new one is used"
    );
    assert_eq!(nodes.standing(&id, "2"), Standing::Renewed);
    nodes.promote(&id, "2").await.unwrap();
    assert_eq!(nodes.standing(&id, "2"), Standing::Active);
    assert_eq!(nodes.standing(&id, "1"), Standing::NotActive);
    assert_eq!(nodes.find(&id).unwrap().expires_at, super::NOW + 7200);

    nodes.set_version(&id, "1.2.3").await.unwrap();
    assert_eq!(nodes.find(&id).unwrap().agent_version, "1.2.3");
    let long = nodes.set_version(&id, &"v".repeat(256)).await.unwrap_err();
    assert_eq!(
        long.to_string(),
        "agent version is too long (max 255 characters)"
    );

    assert_eq!(nodes.ban(Some(&input(AGENT))).await.unwrap(), id);
    assert_eq!(nodes.standing(&id, "2"), Standing::Banned);
    assert_eq!(nodes.standing(&id, ""), Standing::Banned);
    let banned = nodes.put_attested(attested(AGENT)).await.unwrap_err();
    let text = "failed to attest: agent is banned";
    assert_eq!(banned, RegistryError::PermissionDenied(text.into()));
    let world = world.restarted().await;
    let nodes = world.registry.nodes();
    assert_eq!(nodes.standing(&id, "2"), Standing::Banned);

    assert_eq!(nodes.delete(Some(&input(AGENT))).await.unwrap(), id);
    let gone = RegistryError::NotFound("agent not found".into());
    assert_eq!(nodes.delete(Some(&input(AGENT))).await.unwrap_err(), gone);
    assert_eq!(nodes.ban(Some(&input(AGENT))).await.unwrap_err(), gone);
    assert_eq!(nodes.get(Some(&input(AGENT))).unwrap_err(), gone);
    assert_eq!(nodes.renew(&id, "3".into(), 1).await.unwrap_err(), gone);
    assert_eq!(nodes.promote(&id, "3").await.unwrap_err(), gone);
    let text = "invalid agent ID: \"spiffe://example.org/w\" is not an agent in trust domain \"example.org\"; path is not in the agent namespace";
    let error = nodes.delete(Some(&input("/w"))).await.unwrap_err();
    assert_eq!(error, RegistryError::InvalidArgument(text.into()));
    nodes.put_attested(attested(AGENT)).await.unwrap();
}

fn found(registry: &Registry, filter: &NodeFilter) -> Vec<String> {
    let list = registry.nodes().list(filter, &Page::default()).unwrap();
    assert_eq!(registry.nodes().count(filter).unwrap(), list.items.len());
    list.items
        .iter()
        .map(|node| node.id.path().rsplit('/').next().unwrap().to_owned())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn filters() {
    let world = World::new().await;
    let registry = &world.registry;
    let nodes = registry.nodes();
    let put = async |name: &str, kind: &str, can_reattest: bool, ends: i64, with: &[&str]| {
        let node = Attested {
            attestation_type: kind.into(),
            can_reattest,
            expires_at: ends,
            selectors: with.iter().map(|s| s.parse().unwrap()).collect(),
            ..attested(&format!("/spire/agent/{kind}/{name}"))
        };
        nodes.put_attested(node).await.unwrap();
    };
    put("a", "x", true, 100, &["x:1"]).await;
    put("b", "y", false, 200, &["x:1", "x:2"]).await;
    put("c", "y", false, 300, &[]).await;
    nodes.ban(Some(&input("/spire/agent/y/c"))).await.unwrap();
    let all = NodeFilter::default;
    assert_eq!(found(registry, &all()), ["a", "b", "c"]);
    assert_eq!(
        found(
            registry,
            &NodeFilter {
                attestation_type: "y".into(),
                ..all()
            }
        ),
        ["b", "c"]
    );
    assert_eq!(
        found(
            registry,
            &NodeFilter {
                banned: Some(true),
                ..all()
            }
        ),
        ["c"]
    );
    assert_eq!(
        found(
            registry,
            &NodeFilter {
                banned: Some(false),
                ..all()
            }
        ),
        ["a", "b"]
    );
    assert_eq!(
        found(
            registry,
            &NodeFilter {
                can_reattest: Some(true),
                ..all()
            }
        ),
        ["a"]
    );
    assert_eq!(
        found(
            registry,
            &NodeFilter {
                expires_before: Some(200),
                ..all()
            }
        ),
        ["a"]
    );
    let by = |how| {
        let selectors = selectors(&["x:1"]);
        NodeFilter {
            selectors: Some(SelectorMatch { selectors, how }),
            ..all()
        }
    };
    assert_eq!(found(registry, &by(Match::Exact)), ["a"]);
    assert_eq!(found(registry, &by(Match::Superset)), ["a", "b"]);
    let page = nodes
        .list(
            &all(),
            &Page {
                size: 2,
                token: "1".into(),
            },
        )
        .unwrap();
    assert_eq!((page.items.len(), page.next_token.as_str()), (2, "3"));
}

#[tokio::test(start_paused = true)]
async fn authorized_entries_come_through_the_store() {
    let world = World::new().await;
    let registry = &world.registry;
    registry
        .nodes()
        .put_attested(attested(AGENT))
        .await
        .unwrap();
    let entry = |parent: &str, path: &str, with: &[&str]| EntryInput {
        parent_id: Some(input(parent)),
        spiffe_id: Some(input(path)),
        selectors: selectors(with),
        ..EntryInput::default()
    };
    let inputs = [
        entry("/spire/server", "/alias", &["x:1"]),
        EntryInput {
            id: "w".into(),
            ..entry("/alias", "/w", &["unix:uid:1"])
        },
        EntryInput {
            id: "other".into(),
            ..entry("/host", "/o", &["unix:uid:1"])
        },
    ];
    registry.entries().create_batch(&inputs).await;
    let agent = attested(AGENT).id;
    let found = registry.lookup_authorized(&agent, &["other", "w", "nobody"]);
    let ids: Vec<_> = found
        .iter()
        .map(|entry| entry.as_ref().map(|e| &*e.id))
        .collect();
    assert_eq!(ids, [None, Some("w"), None]);
    let answer = registry.authorized_entries(&agent);
    assert!(std::sync::Arc::ptr_eq(
        &answer,
        &registry.authorized_entries(&agent)
    ));
    registry
        .entries()
        .delete_batch(&["w".into()])
        .await
        .remove(0)
        .unwrap();
    assert!(registry.authorized_entries(&agent).entries.is_empty());
}
