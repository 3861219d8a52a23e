use std::{sync::Arc, time::Duration};

use super::{NOW, World, input};
use crate::{RegistryError, entries::EntryFilter, ids::IdInput, nodes::Attested};

const UNKNOWN: &str = "failed to attest: join token does not exist or has already been used";

fn invalid(text: &str) -> RegistryError {
    RegistryError::InvalidArgument(text.to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_token_admits_once() {
    let world = World::new().await;
    let tokens = world.registry.tokens();
    let made = tokens.create("", 60, None).await.unwrap();
    assert_eq!((made.token.len(), made.expires_at), (36, NOW + 60));
    let agent = tokens.take(&made.token).await.unwrap();
    assert_eq!(
        agent.path(),
        format!("/spire/agent/join_token/{}", made.token)
    );
    assert_eq!(
        tokens.take(&made.token).await.unwrap_err(),
        invalid(UNKNOWN)
    );
    assert_eq!(tokens.take("never").await.unwrap_err(), invalid(UNKNOWN));
    let ttl = invalid("ttl is required, you must provide one");
    assert_eq!(tokens.create("", 0, None).await.unwrap_err(), ttl);
    assert_eq!(tokens.create("", -1, None).await.unwrap_err(), ttl);
    assert_eq!(tokens.create("mine", 60, None).await.unwrap().token, "mine");
    let twice = tokens
        .create("mine", 60, None)
        .await
        .unwrap_err()
        .to_string();
    assert_eq!(
        twice,
        "failed to create token: datastore-sql: UNIQUE constraint failed: join_tokens.token"
    );
}

#[tokio::test(start_paused = true)]
async fn an_expired_token_says_so_and_is_used_up() {
    let world = World::new().await;
    let tokens = world.registry.tokens();
    tokens.create("t", 60, None).await.unwrap();
    tokens.create("u", 60, None).await.unwrap();
    tokio::time::advance(Duration::from_secs(61)).await;
    assert_eq!(
        tokens.take("t").await.unwrap_err(),
        invalid("join token expired")
    );
    assert_eq!(tokens.take("t").await.unwrap_err(), invalid(UNKNOWN));
    assert_eq!(
        world.registry.prune_tokens().await.unwrap(),
        0,
        "not within a day"
    );
    tokio::time::advance(Duration::from_secs(24 * 60 * 60)).await;
    assert_eq!(world.registry.prune_tokens().await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_other_name_comes_and_goes_with_the_agent() {
    let world = World::new().await;
    let tokens = world.registry.tokens();
    tokens.create("t", 60, Some(&input("/host"))).await.unwrap();
    let entries = world.registry.entries();
    let alias = entries
        .list(&EntryFilter::default(), &Default::default())
        .unwrap()
        .items
        .remove(0);
    let agent = tokens.take("t").await.unwrap();
    assert_eq!(
        (alias.parent_id.clone(), alias.spiffe_id.path()),
        (agent.clone(), "/host")
    );
    assert_eq!(alias.selectors[0].to_string(), format!("spiffe_id:{agent}"));
    let attested = Attested {
        id: agent.clone(),
        attestation_type: "join_token".into(),
        selectors: Vec::new(),
        can_reattest: false,
        serial: "1".into(),
        expires_at: NOW + 60,
    };
    world.registry.nodes().put_attested(attested).await.unwrap();
    assert_eq!(
        *world.registry.authorized_entries(&agent).entries,
        [Arc::clone(&alias)]
    );
    world
        .registry
        .nodes()
        .delete(Some(&input(agent.path())))
        .await
        .unwrap();
    assert_eq!(entries.count(&EntryFilter::default()).unwrap(), 0);

    let foreign = IdInput {
        trust_domain: "other.org".into(),
        path: "/a".into(),
    };
    let error = tokens.create("v", 60, Some(&foreign)).await.unwrap_err();
    assert!(
        error.to_string().starts_with("invalid agent ID: "),
        "{error}"
    );
    assert_eq!(
        tokens.take("v").await.unwrap_err(),
        invalid(UNKNOWN),
        "no token without its name"
    );
    let odd = tokens
        .create("a b", 60, Some(&input("/host")))
        .await
        .unwrap_err();
    assert!(
        odd.to_string().contains("failed to create join token ID"),
        "{odd}"
    );
}
