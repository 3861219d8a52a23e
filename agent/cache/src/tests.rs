//! The cache against a server, in paused time.

use std::{future::Future, time::Duration};

use steeple_grpc::{DenialReason, denied};
use steeple_proto::types;
use steeple_spiffe::Selector;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::{Cache, CacheConfig, Denial, WorkloadUpdate, entry::tests::proto, fake::Fake};

fn selectors(values: &[&str]) -> Vec<Selector> {
    values
        .iter()
        .map(|value| Selector::new("unix", value).unwrap())
        .collect()
}

fn ids(update: &WorkloadUpdate) -> Vec<&str> {
    update
        .identities
        .iter()
        .map(|identity| identity.entry.id.as_str())
        .collect()
}

fn spawn<T: Send + 'static>(task: impl Future<Output = T> + Send + 'static) {
    #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
    drop(tokio::spawn(task));
}

/// Keeps `cache` in step in the background.
fn run(cache: &Cache) {
    let (sync, mint) = (cache.clone(), cache.clone());
    spawn(async move { sync.run_sync(CancellationToken::new()).await });
    spawn(async move { mint.run_minting(CancellationToken::new()).await });
}

#[tokio::test(start_paused = true)]
async fn a_new_entry_reaches_who_waits_for_it() {
    let fake = Fake::new();
    let cache = fake.cache(CacheConfig::default());
    run(&cache);
    let mut subscription = cache.subscribe(selectors(&["uid:1", "gid:1"]));
    assert!(
        subscription.next().await.identities.is_empty(),
        "nothing matches yet"
    );

    fake.put(proto("b", "second", &["uid:1"]));
    fake.put(proto("a", "first", &["uid:1", "gid:1"]));
    fake.put(proto("c", "other", &["uid:2"]));
    let mut update = subscription.next().await;
    while update.identities.len() < 2 {
        update = subscription.next().await;
    }
    assert_eq!(ids(&update), ["a", "b"]);
    let svid = &update.identities[0].svid;
    let leaf = steeple_spiffe::x509::CertificateInfo::parse(&svid.chain).unwrap();
    assert_eq!(leaf.uris, ["spiffe://example.org/first"]);
    assert_eq!(leaf.public_key, svid.key.public_key_der());
}

#[tokio::test(start_paused = true)]
async fn the_first_update_waits_for_the_svid() {
    let fake = Fake::new();
    fake.put(proto("a", "a", &["uid:1"]));
    let cache = fake.cache(CacheConfig::default());
    cache.sync().await.unwrap();
    let mut subscription = cache.subscribe(selectors(&["uid:1"]));
    run(&cache);
    assert_eq!(ids(&subscription.next().await), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn one_that_cannot_be_signed_holds_back_the_others_only_so_long() {
    let fake = Fake::new();
    fake.put(proto("a", "a", &["uid:1"]));
    fake.put(proto("b", "b", &["uid:1"]));
    fake.lock().unsigned.push("b".to_owned());
    let cache = fake.cache(CacheConfig::default());
    cache.sync().await.unwrap();
    run(&cache);
    assert_eq!(
        ids(&cache.subscribe(selectors(&["uid:1"])).next().await),
        ["a"]
    );

    // Asked for again later and later, not in a tight loop.
    tokio::time::sleep(Duration::from_secs(60)).await;
    let asked = fake.calls("mint").len();
    assert!((5..40).contains(&asked), "{asked}");
}

#[tokio::test(start_paused = true)]
async fn only_changed_entries_are_asked_for_page_by_page() {
    let fake = Fake::new();
    fake.lock().page = 3;
    for id in ["1", "2", "3", "4", "5", "6", "7"] {
        fake.put(proto(id, "x", &["uid:1"]));
    }
    let cache = fake.cache(CacheConfig::default());
    cache.sync().await.unwrap();
    assert_eq!(
        fake.calls("ids"),
        [vec!["1", "2", "3"], vec!["4", "5", "6"], vec!["7"]]
    );
    assert_eq!(cache.matching_entries(&selectors(&["uid:1"])).len(), 7);

    fake.lock().calls.clear();
    fake.put(proto("2", "x", &["uid:2"]));
    fake.put(proto("8", "x", &["uid:1"]));
    fake.lock().entries.remove("5");
    cache.sync().await.unwrap();
    assert_eq!(fake.calls("ids"), [vec!["2", "8"]]);
    let left = cache.matching_entries(&selectors(&["uid:1"]));
    let left: Vec<_> = left.iter().map(|entry| entry.id.as_str()).collect();
    assert_eq!(left, ["1", "3", "4", "6", "7", "8"]);
}

#[tokio::test(start_paused = true)]
async fn a_server_without_the_sync_call_is_asked_for_all() {
    let fake = Fake::new();
    fake.lock().sync = false;
    fake.put(proto("a", "a", &["uid:1"]));
    let cache = fake.cache(CacheConfig::default());
    cache.sync().await.unwrap();
    cache.sync().await.unwrap();
    assert_eq!(cache.matching_entries(&selectors(&["uid:1"])).len(), 1);
    assert_eq!((fake.calls("sync").len(), fake.calls("get").len()), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn the_sync_call_is_not_tried_where_it_is_not_wanted() {
    let fake = Fake::new();
    fake.put(proto("a", "a", &["uid:1"]));
    let cache = fake.cache(CacheConfig {
        sync_by_revision: false,
        ..CacheConfig::default()
    });
    fake.fail("get", Status::unavailable("away"));
    assert!(cache.sync().await.is_err());
    cache.sync().await.unwrap();
    assert_eq!(cache.matching_entries(&selectors(&["uid:1"])).len(), 1);
    assert_eq!((fake.calls("sync").len(), fake.calls("get").len()), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn a_changed_entry_keeps_its_svid_until_the_next_is_there() {
    let fake = Fake::new();
    fake.put(proto("a", "before", &["uid:1"]));
    let cache = fake.cache(CacheConfig::default());
    cache.sync().await.unwrap();
    cache.mint_now().await.unwrap();
    fake.put(proto("a", "after", &["uid:1"]));
    cache.sync().await.unwrap();
    let update = cache.fetch(&selectors(&["uid:1"]));
    assert_eq!(ids(&update), ["a"]);
    let named = &update.identities[0].entry.spiffe_id;
    assert_eq!(
        named.as_str(),
        "spiffe://example.org/before",
        "as in its certificate"
    );

    cache.mint_now().await.unwrap();
    let update = cache.fetch(&selectors(&["uid:1"]));
    let leaf = steeple_spiffe::x509::CertificateInfo::parse(&update.identities[0].svid.chain);
    assert_eq!(leaf.unwrap().uris, ["spiffe://example.org/after"]);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_entry_is_told_at_once_and_gone() {
    let fake = Fake::new();
    fake.put(proto("a", "a", &["uid:1"]));
    let cache = fake.cache(CacheConfig::default());
    run(&cache);
    let mut subscription = cache.subscribe(selectors(&["uid:1"]));
    while subscription.next().await.identities.is_empty() {}
    fake.lock().entries.clear();
    assert!(subscription.next().await.identities.is_empty());
    assert_eq!(cache.x509_svids(), 0);
}

#[tokio::test(start_paused = true)]
async fn svids_are_renewed_at_half_life_counting_from_their_first_moment() {
    let fake = Fake::new();
    fake.put(proto("a", "a", &["uid:1"]));
    let cache = fake.cache(CacheConfig::default());
    cache.sync().await.unwrap();
    run(&cache);
    let mut subscription = cache.subscribe(selectors(&["uid:1"]));
    let first = subscription.next().await.identities[0].svid.not_after;
    let start = tokio::time::Instant::now();
    let second = subscription.next().await.identities[0].svid.not_after;
    let waited = start.elapsed().as_secs();
    assert!((1600..=2000).contains(&waited), "{waited}");
    assert!(second > first);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_away_costs_no_identity() {
    let fake = Fake::new();
    fake.put(proto("a", "a", &["uid:1"]));
    let cache = fake.cache(CacheConfig::default());
    cache.sync().await.unwrap();
    cache.mint_now().await.unwrap();
    for _ in 0..1000 {
        fake.fail("sync", Status::unavailable("away"));
        fake.fail("mint", Status::unavailable("away"));
    }
    run(&cache);
    tokio::time::sleep(Duration::from_secs(3500)).await;
    assert_eq!(ids(&cache.fetch(&selectors(&["uid:1"]))), ["a"]);
    let tries = fake.calls("sync").len();
    assert!(
        (15..60).contains(&tries),
        "{tries}: the waits grow to minutes"
    );
    fake.lock().faults.clear();
    tokio::time::sleep(Duration::from_secs(300)).await;
    let renewed = cache.fetch(&selectors(&["uid:1"])).identities[0]
        .svid
        .not_after;
    assert!(renewed.as_second() > 1_700_000_000 + 3600);
}

#[tokio::test(start_paused = true)]
async fn a_denied_agent_stops_trying() {
    let fake = Fake::new();
    let cache = fake.cache(CacheConfig::default());
    fake.fail("sync", denied("banned", DenialReason::AgentBanned));
    let error = cache.run_sync(CancellationToken::new()).await.unwrap_err();
    assert_eq!(error.denial(), Some(Denial::Banned));

    fake.put(proto("a", "a", &["uid:1"]));
    cache.sync().await.unwrap();
    fake.fail("mint", denied("expired", DenialReason::AgentExpired));
    let error = cache
        .run_minting(CancellationToken::new())
        .await
        .unwrap_err();
    assert_eq!(error.denial(), Some(Denial::Reattest));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_prefetched_is_made_for_who_asks() {
    let fake = Fake::new();
    let mut entry = proto("a", "a", &["uid:1"]);
    entry.additional_attributes = Some(types::entry::AdditionalAttributes {
        disable_x509_svid_prefetch: true,
        ..Default::default()
    });
    fake.put(entry);
    let cache = fake.cache(CacheConfig::default());
    cache.sync().await.unwrap();
    cache.mint_now().await.unwrap();
    assert_eq!(cache.x509_svids(), 0);
    run(&cache);
    assert_eq!(
        ids(&cache.subscribe(selectors(&["uid:1"])).next().await),
        ["a"]
    );
}

#[tokio::test(start_paused = true)]
async fn unused_svids_give_way_at_the_limit_and_used_ones_never() {
    let fake = Fake::new();
    for id in ["1", "2", "3", "4"] {
        fake.put(proto(id, "x", &[&format!("uid:{id}")]));
    }
    let config = CacheConfig {
        x509_svid_max: 2,
        ..Default::default()
    };
    let cache = fake.cache(config);
    cache.sync().await.unwrap();
    run(&cache);
    let mut subscriptions = Vec::new();
    for id in ["2", "3", "4"] {
        let mut subscription = cache.subscribe(selectors(&[&format!("uid:{id}")]));
        assert_eq!(ids(&subscription.next().await), [id]);
        subscriptions.push(subscription);
    }
    cache.mint_now().await.unwrap();
    assert_eq!(
        cache.x509_svids(),
        3,
        "all in use stay, though above the limit"
    );
    subscriptions.truncate(1);
    cache.mint_now().await.unwrap();
    assert_eq!(cache.x509_svids(), 2);
    assert_eq!(ids(&cache.fetch(&selectors(&["uid:2"]))), ["2"]);
}

#[tokio::test(start_paused = true)]
async fn too_many_at_once_are_asked_for_in_smaller_numbers() {
    let fake = Fake::new();
    fake.lock().batch = 3;
    for id in 0..10 {
        fake.put(proto(&id.to_string(), "x", &["uid:1"]));
    }
    let cache = fake.cache(CacheConfig::default());
    cache.sync().await.unwrap();
    run(&cache);
    while cache.x509_svids() < 10 {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn bundles_reach_those_who_need_them() {
    let fake = Fake::new();
    let mut entry = proto("a", "a", &["uid:1"]);
    entry.federates_with = vec!["other.org".to_owned(), "absent.org".to_owned()];
    fake.put(entry);
    fake.put(proto("b", "b", &["uid:2"]));
    let foreign = |hint| types::Bundle {
        trust_domain: "other.org".to_owned(),
        refresh_hint: hint,
        ..Default::default()
    };
    fake.lock()
        .federated
        .insert("other.org".to_owned(), foreign(1));
    let cache = fake.cache(CacheConfig::default());
    run(&cache);
    let mut one = cache.subscribe(selectors(&["uid:1"]));
    while one.next().await.identities.is_empty() {}
    let mut two = cache.subscribe(selectors(&["uid:2"]));
    let update = two.next().await;
    assert_eq!((ids(&update), update.federated.len()), (vec!["b"], 0));

    fake.lock()
        .federated
        .insert("other.org".to_owned(), foreign(2));
    let update = one.next().await;
    assert_eq!(update.federated.len(), 1);
    assert_eq!(update.federated.values().next().unwrap().refresh_hint, 2);

    // The own bundle concerns everyone; the foreign one did not concern the second.
    let mut own = cache.own_bundle();
    own.mark_unchanged();
    fake.lock().bundle.refresh_hint = 7;
    assert_eq!(two.next().await.bundle.refresh_hint, 7);
    assert_eq!(one.next().await.bundle.refresh_hint, 7);
    assert_eq!(own.borrow_and_update().refresh_hint, 7);
}

#[tokio::test(start_paused = true)]
async fn a_tainted_authority_has_svids_replaced_but_not_dropped() {
    let fake = Fake::new();
    fake.put(proto("a", "a", &["uid:1"]));
    let cache = fake.cache(CacheConfig::default());
    cache.sync().await.unwrap();
    cache.mint_now().await.unwrap();
    fake.lock().calls.clear();
    fake.lock().bundle.x509_authorities[0].tainted = true;
    cache.sync().await.unwrap();
    assert_eq!(ids(&cache.fetch(&selectors(&["uid:1"]))), ["a"]);
    cache.mint_now().await.unwrap();
    assert_eq!(
        fake.calls("mint").len(),
        1,
        "once, though the new one is no better"
    );
}

#[tokio::test(start_paused = true)]
async fn a_bundle_without_roots_does_not_replace_one_with() {
    let fake = Fake::new();
    let cache = fake.cache(CacheConfig::default());
    fake.lock().bundle.x509_authorities.clear();
    cache.sync().await.unwrap();
    assert_eq!(cache.own_bundle().borrow().x509_authorities.len(), 1);
}

mod jwt {
    use std::sync::Arc;

    use super::*;
    use crate::Entry;

    async fn with_entry(fake: &Fake, entry: types::Entry) -> (Cache, Arc<Entry>) {
        fake.put(entry);
        let cache = fake.cache(CacheConfig::default());
        cache.sync().await.unwrap();
        let entry = cache.matching_entries(&selectors(&["uid:1"])).remove(0);
        (cache, entry)
    }

    fn audience(values: &[&str]) -> Vec<String> {
        values.iter().map(|value| (*value).to_owned()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn is_kept_by_audience_whatever_the_order() {
        let fake = Fake::new();
        let (cache, entry) = with_entry(&fake, proto("a", "a", &["uid:1"])).await;
        let one = cache
            .jwt_svid(&entry, &audience(&["x", "y"]))
            .await
            .unwrap();
        let same = cache
            .jwt_svid(&entry, &audience(&["y", "x"]))
            .await
            .unwrap();
        let other = cache.jwt_svid(&entry, &audience(&["x"])).await.unwrap();
        assert_eq!(one.token, same.token);
        assert_ne!(one.token, other.token);
        assert_eq!(fake.calls("jwt").len(), 2);
        assert_eq!(cache.jwt_svids(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn many_who_ask_at_once_cause_one_call() {
        let fake = Fake::new();
        let (cache, entry) = with_entry(&fake, proto("a", "a", &["uid:1"])).await;
        let wanted = audience(&["x"]);
        let all = (0..50).map(|_| cache.jwt_svid(&entry, &wanted));
        for svid in futures::future::join_all(all).await {
            svid.unwrap();
        }
        assert_eq!(fake.calls("jwt").len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn one_who_gives_up_does_not_leave_a_dead_call_behind() {
        let fake = Fake::new();
        let (cache, entry) = with_entry(&fake, proto("a", "a", &["uid:1"])).await;
        let wanted = audience(&["x"]);
        let brief = Duration::from_millis(1);
        let gave_up = tokio::time::timeout(brief, cache.jwt_svid(&entry, &wanted)).await;
        assert!(gave_up.is_err());
        cache.jwt_svid(&entry, &wanted).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn is_renewed_past_half_life_and_the_old_one_serves_while_the_server_fails() {
        let fake = Fake::new();
        let (cache, entry) = with_entry(&fake, proto("a", "a", &["uid:1"])).await;
        let wanted = audience(&["x"]);
        let first = cache.jwt_svid(&entry, &wanted).await.unwrap();
        tokio::time::sleep(Duration::from_secs(2000)).await;
        fake.fail("jwt", Status::unavailable("away"));
        let start = tokio::time::Instant::now();
        let kept = cache.jwt_svid(&entry, &wanted).await.unwrap();
        assert_eq!(kept.token, first.token);
        assert!(
            start.elapsed() < Duration::from_secs(1),
            "no retries while one is valid"
        );
        let renewed = cache.jwt_svid(&entry, &wanted).await.unwrap();
        assert_ne!(renewed.token, first.token);

        tokio::time::sleep(Duration::from_secs(4000)).await;
        fake.fail("jwt", Status::invalid_argument("no"));
        assert!(
            cache.jwt_svid(&entry, &wanted).await.is_err(),
            "an expired one is none"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_failing_server_is_asked_again_within_the_time_of_a_call() {
        let fake = Fake::new();
        let (cache, entry) = with_entry(&fake, proto("a", "a", &["uid:1"])).await;
        fake.fail("jwt", Status::unavailable("away"));
        fake.fail("jwt", Status::unavailable("away"));
        cache.jwt_svid(&entry, &audience(&["x"])).await.unwrap();
        assert_eq!(fake.calls("jwt").len(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn with_an_id_of_its_own_is_never_kept() {
        let fake = Fake::new();
        let mut proto = proto("a", "a", &["uid:1"]);
        proto.additional_attributes = Some(types::entry::AdditionalAttributes {
            jwt_svid_include_jti: true,
            ..Default::default()
        });
        let (cache, entry) = with_entry(&fake, proto).await;
        let one = cache.jwt_svid(&entry, &audience(&["x"])).await.unwrap();
        let two = cache.jwt_svid(&entry, &audience(&["x"])).await.unwrap();
        assert_ne!(one.token, two.token);
        assert_eq!(cache.jwt_svids(), 0);
    }
}

/// A poll that would come in an hour, so that only a hint can bring what is new.
fn rarely_polled(fake: &Fake) -> Cache {
    let cache = fake.cache(CacheConfig {
        sync_interval: Duration::from_secs(3600),
        ..CacheConfig::default()
    });
    let hints = cache.clone();
    spawn(async move { hints.run_hints(CancellationToken::new()).await });
    cache
}

/// Waits until the server has been asked `times` times to be watched.
async fn watched(fake: &Fake, times: usize) {
    while fake.calls("watch").len() < times {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_hint_brings_what_is_new_before_the_next_poll() {
    let fake = Fake::new();
    fake.put(proto("a", "a", &["uid:1"]));
    let cache = rarely_polled(&fake);
    cache.sync().await.unwrap();
    run(&cache);
    let mut subscription = cache.subscribe(selectors(&["uid:1"]));
    assert_eq!(ids(&subscription.next().await), ["a"]);
    watched(&fake, 1).await;
    let began = tokio::time::Instant::now();

    fake.put(proto("b", "b", &["uid:1"]));
    fake.hint.send_modify(|hint| hint.entries += 1);
    let mut update = subscription.next().await;
    while update.identities.len() < 2 {
        update = subscription.next().await;
    }
    assert_eq!(ids(&update), ["a", "b"]);
    assert!(began.elapsed() < Duration::from_secs(5), "not by polling");
}

#[tokio::test(start_paused = true)]
async fn a_server_without_hints_is_polled_and_asked_again_later() {
    let fake = Fake::new();
    fake.put(proto("a", "a", &["uid:1"]));
    fake.fail("watch", Status::unimplemented(""));
    fake.fail("watch", Status::permission_denied("unknown method"));
    let cache = fake.cache(CacheConfig::default());
    let hints = cache.clone();
    spawn(async move { hints.run_hints(CancellationToken::new()).await });
    run(&cache);
    let mut subscription = cache.subscribe(selectors(&["uid:1"]));
    while subscription.next().await.identities.is_empty() {}
    assert_eq!(fake.calls("watch").len(), 1);
    tokio::time::sleep(Duration::from_secs(601)).await;
    watched(&fake, 3).await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_back_ends_the_wait_after_failures() {
    let fake = Fake::new();
    fake.put(proto("a", "a", &["uid:1"]));
    fake.fail("watch", Status::unavailable("away"));
    let cache = rarely_polled(&fake);
    cache.sync().await.unwrap();
    run(&cache);
    let mut subscription = cache.subscribe(selectors(&["uid:1"]));
    assert_eq!(ids(&subscription.next().await), ["a"]);
    let began = tokio::time::Instant::now();

    fake.put(proto("b", "b", &["uid:1"]));
    while subscription.next().await.identities.len() < 2 {}
    assert!(began.elapsed() < Duration::from_secs(60), "not by polling");
}
