//! An agent is told at once what concerns it, and nothing else.

use steeple_proto::hints::{Hint, WatchRequest, hints_client::HintsClient};
use steeple_spiffe::{Bundle, X509Authority};
use tonic::{Code, Streaming};

use super::{
    agents::register,
    world::{World, anonymous},
};

async fn watch(world: &World, agent: &steeple_grpc::Caller, seen: Option<Hint>) -> Streaming<Hint> {
    let mut client = HintsClient::new(world.reached_by(agent.clone()));
    client
        .watch(WatchRequest { seen })
        .await
        .unwrap()
        .into_inner()
}

#[tokio::test]
async fn a_change_of_its_entries_is_told_to_the_agent_alone() {
    let world = World::new().await;
    let agent = world.attest("/spire/agent/x").await;
    let other = world.attest("/spire/agent/y").await;
    let mut hints = watch(&world, &agent, None).await;
    let mut others = watch(&world, &other, None).await;
    let first = hints.message().await.unwrap().unwrap();
    let of_other = others.message().await.unwrap().unwrap();
    assert_eq!(first.instance, of_other.instance);

    register(&world, "/spire/agent/x", "/w").await;
    let second = hints.message().await.unwrap().unwrap();
    assert!(second.entries > first.entries);
    assert_eq!((second.bundle, second.spread_ms), (first.bundle, 0));

    // What is next for the other is its own entry, so the first was not told to it.
    register(&world, "/spire/agent/y", "/v").await;
    let next = others.message().await.unwrap().unwrap();
    assert!(next.entries > of_other.entries);
    let known = world
        .registry
        .authorized_entries(&super::world::id("/spire/agent/y"))
        .revision;
    assert_eq!(next.entries, known);
}

#[tokio::test]
async fn a_change_of_the_bundle_is_told() {
    let world = World::new().await;
    let agent = world.attest("/spire/agent/x").await;
    let mut hints = watch(&world, &agent, None).await;
    let first = hints.message().await.unwrap().unwrap();
    let addition = Bundle {
        x509_authorities: vec![X509Authority {
            der: vec![1],
            tainted: false,
        }],
        ..Bundle::empty(world.registry.trust_domain().clone())
    };
    world.registry.bundles().append(addition).await.unwrap();
    let second = hints.message().await.unwrap().unwrap();
    assert!(second.bundle > first.bundle);
    assert_eq!(second.entries, first.entries);
}

#[tokio::test]
async fn what_was_seen_is_not_told_again() {
    let world = World::new().await;
    let agent = world.attest("/spire/agent/x").await;
    let mut hints = watch(&world, &agent, None).await;
    let first = hints.message().await.unwrap().unwrap();

    let mut again = watch(&world, &agent, Some(first)).await;
    register(&world, "/spire/agent/x", "/w").await;
    let told = again.message().await.unwrap().unwrap();
    assert!(told.entries > first.entries, "the first thing told is new");

    let stale = Hint {
        instance: first.instance.wrapping_add(1),
        ..told
    };
    let mut of_another_run = watch(&world, &agent, Some(stale)).await;
    assert_eq!(of_another_run.message().await.unwrap().unwrap(), told);
}

#[tokio::test]
async fn only_agents_may_watch() {
    let world = World::new().await;
    let mut client = HintsClient::new(world.reached_by(anonymous()));
    let refused = client.watch(WatchRequest::default()).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
}
