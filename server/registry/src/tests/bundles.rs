use std::sync::Arc;

use steeple_spiffe::{Bundle, JwtAuthority};
use steeple_store::DeleteMode;

use super::World;
use crate::{Page, RegistryError};

fn bundle(name: &str) -> Bundle {
    Bundle::empty(name.parse().unwrap())
}

#[tokio::test(start_paused = true)]
async fn the_own_bundle_is_watched() {
    let world = World::new().await;
    let bundles = world.registry.bundles();
    let mut watch = bundles.subscribe();
    assert_eq!(*watch.borrow_and_update(), None);
    let first = bundles.append(bundle("example.org")).await.unwrap();
    assert_eq!(
        bundles.own(),
        Some(Arc::clone(&first)),
        "known before the answer"
    );
    assert_eq!(*watch.borrow_and_update(), Some(first));
    bundles.append(bundle("example.org")).await.unwrap();
    bundles.set(bundle("other.org")).await.unwrap();
    assert!(!watch.has_changed().unwrap(), "only when it has changed");
    let key = JwtAuthority {
        key_id: "k".into(),
        public_key: vec![1],
        expires_at: 9,
        tainted: false,
    };
    let addition = Bundle {
        jwt_authorities: vec![key],
        ..bundle("example.org")
    };
    let second = bundles.append(addition).await.unwrap();
    assert_eq!(second.sequence_number, 1);
    assert_eq!(*watch.borrow_and_update(), Some(Arc::clone(&second)));
    let world = world.restarted().await;
    assert_eq!(world.registry.bundles().own(), Some(second));
}

#[tokio::test(start_paused = true)]
async fn others_are_listed_without_the_own_one() {
    let world = World::new().await;
    let bundles = world.registry.bundles();
    for name in ["a.org", "example.org", "b.org"] {
        bundles.create(bundle(name)).await.unwrap();
    }
    assert_eq!(bundles.count(), 3, "the own one counts");
    let page = |size, token: &str| {
        let page = bundles
            .list_federated(&Page {
                size,
                token: token.into(),
            })
            .unwrap();
        let names = page
            .items
            .iter()
            .map(|b| b.trust_domain.to_string())
            .collect::<Vec<_>>();
        (names.join(" "), page.next_token)
    };
    assert_eq!(page(0, ""), ("a.org b.org".into(), String::new()));
    assert_eq!(
        page(2, ""),
        ("a.org".into(), "2".into()),
        "taken out after the cut"
    );
    assert_eq!(page(2, "2"), ("b.org".into(), "3".into()));
    let twice = bundles.create(bundle("a.org")).await.unwrap_err();
    assert_eq!(
        twice,
        RegistryError::AlreadyExists("bundle already exists".into())
    );
    let name = "a.org".parse().unwrap();
    bundles.delete(&name, DeleteMode::Restrict).await.unwrap();
    assert_eq!(bundles.get(&name), None);
    let gone = bundles
        .delete(&name, DeleteMode::Restrict)
        .await
        .unwrap_err();
    assert_eq!(gone, RegistryError::NotFound("bundle not found".into()));
}
