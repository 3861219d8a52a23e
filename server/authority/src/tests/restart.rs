//! What a new start makes of what the last one left.

use steeple_plugin_sdk::keymanager::KeyInfo;
use steeple_store::BundleStore as _;

use super::*;

async fn keys(world: &World) -> Vec<KeyInfo> {
    world.keys.keys().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn everything_goes_on_as_it_was() {
    let world = World::new();
    let (authority, mut rotation) = world.start().await;
    tokio::time::advance(13 * HOUR).await;
    rotation.rotate().await.unwrap();
    let (state, bundle, made) = (
        authority.state().borrow().clone(),
        world.bundle().await,
        keys(&world).await,
    );
    drop((authority, rotation));

    let (authority, _rotation) = world.start().await;
    assert_eq!(*authority.state().borrow(), state);
    assert_eq!(world.bundle().await, bundle);
    assert_eq!(keys(&world).await, made);
    issue(&authority).await;
}

#[tokio::test(start_paused = true)]
async fn a_restart_in_the_last_sixth_activates_the_next() {
    let world = World::new();
    let (authority, mut rotation) = world.start().await;
    tokio::time::advance(13 * HOUR).await;
    rotation.rotate().await.unwrap();
    let prepared = authority.state().borrow().x509.prepared.clone().unwrap();
    tokio::time::advance(9 * HOUR).await;
    let (authority, _rotation) = world.start().await;
    assert_eq!(active(&authority), prepared.authority_id);
}

#[tokio::test(start_paused = true)]
async fn after_everything_has_expired_there_is_a_new_ca_in_the_same_journal() {
    let world = World::new();
    let (authority, _rotation) = world.start().await;
    let first = active(&authority);
    tokio::time::advance(48 * HOUR).await;
    let (authority, _rotation) = world.start().await;
    assert_ne!(active(&authority), first);
    assert_eq!(world.store.journals.lock().unwrap().len(), 1);
    issue(&authority).await;
}

#[tokio::test(start_paused = true)]
async fn lost_keys_give_a_new_ca_and_a_second_journal() {
    let mut world = World::new();
    let (authority, _rotation) = world.start().await;
    let first = active(&authority);
    world.keys = steeple_builtin::keymanager::memory::new();
    let (authority, _rotation) = world.start().await;
    assert_ne!(active(&authority), first);
    assert_eq!(world.store.journals.lock().unwrap().len(), 2);
    assert_eq!(
        world.bundle().await.x509_authorities.len(),
        2,
        "the old one stays trusted"
    );
}

#[tokio::test(start_paused = true)]
async fn a_ca_that_nobody_trusts_is_not_used() {
    let world = World::new();
    let (authority, _rotation) = world.start().await;
    let first = active(&authority);
    // As after restoring an older database.
    let mut bundle = (*world.bundle().await).clone();
    bundle.x509_authorities.clear();
    bundle.jwt_authorities.clear();
    world.store.set_bundle(bundle).await.unwrap();
    let (authority, _rotation) = world.start().await;
    assert_ne!(active(&authority), first);
    let trusted = world.bundle().await;
    assert_eq!(
        (
            trusted.x509_authorities.len(),
            trusted.jwt_authorities.len()
        ),
        (1, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn a_replaced_key_makes_its_entry_useless() {
    let world = World::new();
    let (authority, _rotation) = world.start().await;
    let jwt = authority.state().borrow().jwt.active.clone().unwrap();
    world
        .keys
        .generate("JWT-Signer-A", KeyType::EcP256)
        .await
        .unwrap();
    let (authority, _rotation) = world.start().await;
    assert_ne!(authority.state().borrow().jwt.active.clone().unwrap(), jwt);
}

#[tokio::test(start_paused = true)]
async fn a_garbled_journal_stops_the_start_and_stays() {
    let world = World::new();
    drop(world.start().await);
    world.store.journals.lock().unwrap()[0].data = vec![0xff; 7];
    let error = world.try_start().await.map(drop).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("CA journal record 1 cannot be decoded"),
        "{error}"
    );
    assert_eq!(world.store.journals.lock().unwrap()[0].data, vec![0xff; 7]);
}
