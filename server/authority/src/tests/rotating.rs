//! The schedule, failures and pruning.

use std::sync::atomic::Ordering;

use steeple_proto::store::{Entries, Status};
use steeple_spiffe::x509::verify_member;
use tokio_util::sync::CancellationToken;

use super::*;

fn statuses(world: &World) -> Vec<Status> {
    use prost::Message as _;
    let journals = world.store.journals.lock().unwrap();
    let [journal] = journals.as_slice() else {
        panic!("one journal, not {}", journals.len())
    };
    let entries = Entries::decode(journal.data.as_slice()).unwrap();
    entries
        .x509_c_as
        .iter()
        .map(|entry| entry.status())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn the_next_is_prepared_then_activated_in_time() {
    let world = World::new();
    let (authority, mut rotation) = world.start().await;
    let first = active(&authority);
    assert_eq!(statuses(&world), [Status::Active]);

    tokio::time::advance(12 * HOUR).await;
    rotation.rotate().await.unwrap();
    assert!(
        authority.state().borrow().x509.prepared.is_none(),
        "not before half life"
    );
    tokio::time::advance(Duration::from_secs(1)).await;
    rotation.rotate().await.unwrap();
    let prepared = authority.state().borrow().x509.prepared.clone().unwrap();
    assert_eq!(active(&authority), first);
    assert_eq!(statuses(&world), [Status::Active, Status::Prepared]);
    assert_eq!(
        world.bundle().await.x509_authorities.len(),
        2,
        "peers learn of it in time"
    );
    assert_eq!(world.bundle().await.jwt_authorities.len(), 2);

    rotation.rotate().await.unwrap();
    assert_eq!(
        authority.state().borrow().x509.prepared.as_ref(),
        Some(&prepared),
        "idempotent"
    );

    tokio::time::advance(8 * HOUR).await;
    rotation.rotate().await.unwrap();
    assert_eq!(active(&authority), prepared.authority_id);
    assert_eq!(
        authority
            .state()
            .borrow()
            .x509
            .old
            .as_ref()
            .unwrap()
            .authority_id,
        first
    );
    assert_eq!(statuses(&world), [Status::Old, Status::Active]);
    let journals = world.store.journals.lock().unwrap();
    assert_eq!(journals[0].active_x509_authority_id, prepared.authority_id);
}

#[tokio::test(start_paused = true)]
async fn a_year_of_rotations_never_fails_a_peer() {
    let world = World::new();
    let (authority, mut rotation) = world.start().await;
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..365 * 4 {
        tokio::time::advance(6 * HOUR).await;
        rotation.rotate().await.unwrap();
        rotation.rotate_server_svid().await.unwrap();
        rotation.prune_bundle().await.unwrap();
        let issued = issue(&authority).await;
        let now = world.clock.now();
        verify_member(&issued.chain, &*world.bundle().await, now).unwrap();
        let svid = authority.server_svid().borrow().clone().unwrap();
        verify_member(&svid.chain, &*world.bundle().await, now).unwrap();
        seen.insert(active(&authority));
    }
    assert!(seen.len() > 365, "{}", seen.len());
    assert!(world.bundle().await.x509_authorities.len() <= 6, "pruned");
    assert_eq!(statuses(&world).len(), 10, "the journal is bounded");
}

#[tokio::test(start_paused = true)]
async fn a_valid_authority_goes_on_when_the_next_cannot_be_prepared() {
    let world = World::new();
    let (authority, mut rotation) = world.start().await;
    let first = active(&authority);
    tokio::time::advance(13 * HOUR).await;
    world.store.broken.store(true, Ordering::Relaxed);
    for failures in 1..=11 {
        rotation.rotate().await.unwrap();
        assert_eq!(authority.state().borrow().failed_rotations, failures);
    }
    assert!(!authority.state().borrow().is_healthy());
    assert_eq!(active(&authority), first);
    issue(&authority).await;
    world.store.broken.store(false, Ordering::Relaxed);
    rotation.rotate().await.unwrap();
    assert!(authority.state().borrow().is_healthy());
    assert!(authority.state().borrow().x509.prepared.is_some());
}

#[tokio::test(start_paused = true)]
async fn an_unsaved_journal_is_saved_before_a_key_is_replaced() {
    let world = World::new();
    let (authority, mut rotation) = world.start().await;
    tokio::time::advance(13 * HOUR).await;
    rotation.rotate().await.unwrap();
    let keys = world.keys.keys().await.unwrap();
    // The activation is not written down.
    tokio::time::advance(8 * HOUR).await;
    world.store.broken.store(true, Ordering::Relaxed);
    rotation.rotate().await.unwrap();
    // As long as that is so no key changes, so the journal can be found again.
    tokio::time::advance(13 * HOUR).await;
    rotation.rotate().await.unwrap();
    assert_eq!(world.keys.keys().await.unwrap(), keys);
    world.store.broken.store(false, Ordering::Relaxed);
    rotation.rotate().await.unwrap();
    assert_ne!(world.keys.keys().await.unwrap(), keys);
    let active = active(&authority);
    assert_eq!(
        world.store.journals.lock().unwrap()[0].active_x509_authority_id,
        active
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_starts_without_a_ca() {
    let world = World::new();
    world.store.broken.store(true, Ordering::Relaxed);
    let error = world.try_start().await.map(drop).unwrap_err();
    assert!(matches!(error, AuthorityError::Store { .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn server_svid_is_replaced_at_half_life() {
    let world = World::new();
    let (authority, mut rotation) = world.start().await;
    let serial = || authority.server_svid().borrow().as_ref().unwrap().chain[0].clone();
    let first = serial();
    // Half of 3610 s, counted from ten seconds before.
    tokio::time::advance(Duration::from_secs(1795)).await;
    rotation.rotate_server_svid().await.unwrap();
    assert_eq!(serial(), first);
    tokio::time::advance(Duration::from_secs(1)).await;
    rotation.rotate_server_svid().await.unwrap();
    assert_ne!(serial(), first);
}

#[tokio::test(start_paused = true)]
async fn the_task_rotates_prunes_and_stops() {
    let world = World::new();
    let (authority, rotation) = world.start().await;
    let mut state = authority.state();
    state.mark_unchanged();
    let first = active(&authority);
    let stopping = CancellationToken::new();
    let waiting = async {
        state
            .wait_for(|state| state.x509.active.as_ref().unwrap().authority_id != first)
            .await
            .unwrap();
        tokio::time::sleep(8 * HOUR).await;
        stopping.cancel();
    };
    let (ran, ()) = tokio::join!(rotation.run(stopping.clone()), waiting);
    ran.unwrap();
    assert!(world.clock.now() > start() + 20 * HOUR);
    assert!(world.store.pruned_journals_before.lock().unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn the_last_authority_is_never_pruned() {
    let world = World::new();
    let (_authority, mut rotation) = world.start().await;
    tokio::time::advance(24 * HOUR * 30).await;
    let error = rotation.prune_bundle().await.unwrap_err();
    assert!(error.to_string().contains("would prune all"), "{error}");
    assert_eq!(world.bundle().await.x509_authorities.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn without_jwt_svids_there_are_no_jwt_keys() {
    let mut world = World::new();
    world.config.jwt_disabled = true;
    let (authority, mut rotation) = world.start().await;
    rotation.rotate().await.unwrap();
    assert!(authority.state().borrow().x509.active.is_some());
    assert!(authority.state().borrow().jwt.active.is_none());
    assert!(world.bundle().await.jwt_authorities.is_empty());
    let keys = world.keys.keys().await.unwrap();
    assert!(
        keys.iter().all(|key| key.id.starts_with("x509-CA-")),
        "{keys:?}"
    );
}
