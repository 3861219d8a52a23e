//! Who gets in where.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use steeple_grpc::{Caller, DenialReason, denial_reason};
use steeple_proto::server::{
    bundle::{GetBundleRequest, bundle_client::BundleClient},
    entry::{GetAuthorizedEntriesRequest, entry_client::EntryClient},
    logger::{GetLoggerRequest, logger_client::LoggerClient},
    svid::{MintWitsvidRequest, svid_client::SvidClient},
};
use steeple_registry::{SelectorInput, entries::EntryInput, ids::IdInput};
use tonic::{Code, Status};

use super::world::{World, anonymous, caller, id, local};
use crate::{
    gate::authorize::{Authorizer, Denial},
    methods::METHODS,
};

fn entry(path: &str) -> EntryInput {
    let id = |path: &str| {
        Some(IdInput {
            trust_domain: "td".to_owned(),
            path: path.to_owned(),
        })
    };
    EntryInput {
        spiffe_id: id(path),
        parent_id: id("/spire/server"),
        selectors: vec![SelectorInput {
            kind: "a".to_owned(),
            value: path.to_owned(),
        }],
        ..EntryInput::default()
    }
}

async fn everyone(world: &World) -> BTreeMap<&'static str, Caller> {
    let admin = EntryInput {
        admin: true,
        ..entry("/entry-admin")
    };
    let downstream = EntryInput {
        downstream: true,
        ..entry("/downstream")
    };
    let inputs = [admin, downstream, entry("/workload")];
    let made = world.registry.entries().create_batch(&inputs).await;
    assert!(made.iter().all(Result::is_ok));
    BTreeMap::from([
        ("anonymous", anonymous()),
        ("local", local()),
        ("configured admin", world.svid("/configured-admin").await),
        ("entry admin", world.svid("/entry-admin").await),
        ("downstream", world.svid("/downstream").await),
        ("workload", world.svid("/workload").await),
        ("agent", world.attest("/spire/agent/x").await),
    ])
}

#[tokio::test]
async fn each_kind_of_caller_gets_in_where_the_table_says() {
    let world = World::new().await;
    let authorizer = Authorizer::new(&world.config());
    for (name, who) in everyone(&world).await {
        for method in METHODS {
            let callers = method.callers;
            let may = callers.any
                || match name {
                    "local" => callers.local,
                    "configured admin" | "entry admin" => callers.admin,
                    "downstream" => callers.downstream,
                    "agent" => callers.agent,
                    _ => false,
                };
            let let_in = authorizer.authorize(method, &who).await;
            assert_eq!(let_in.is_ok(), may, "{name} at {}: {let_in:?}", method.path);
            assert!(!matches!(let_in, Err(Denial::Failed(_))));
        }
    }
}

async fn ask_for_entries(world: &World, who: Caller) -> Result<(), Status> {
    let mut client = EntryClient::new(world.reached_by(who));
    client
        .get_authorized_entries(GetAuthorizedEntriesRequest::default())
        .await
        .map(drop)
}

#[tokio::test]
async fn an_agent_learns_why_it_is_kept_out() {
    let world = World::new().await;
    let soon = world.clock.now() + SignedDuration::from_mins(5);
    let agent = world.attest("/spire/agent/x").await;
    ask_for_entries(&world, agent.clone()).await.unwrap();
    let banned = world.attest("/spire/agent/banned").await;
    let as_input = IdInput {
        trust_domain: "td".to_owned(),
        path: "/spire/agent/banned".to_owned(),
    };
    world.registry.nodes().ban(Some(&as_input)).await.unwrap();

    let past = world.clock.now() - SignedDuration::from_secs(1);
    let cases = [
        (
            caller(id("/spire/agent/x"), "1", past),
            Some(DenialReason::AgentExpired),
        ),
        (
            caller(id("/spire/agent/y"), "1", soon),
            Some(DenialReason::AgentNotAttested),
        ),
        (
            caller(id("/spire/agent/x"), "1", soon),
            Some(DenialReason::AgentNotActive),
        ),
        (banned, Some(DenialReason::AgentBanned)),
        (anonymous(), None),
        (local(), None),
    ];
    for (who, reason) in cases {
        let status = ask_for_entries(&world, who).await.unwrap_err();
        assert_eq!(status.code(), Code::PermissionDenied);
        let method = "/spire.api.server.entry.v1.Entry/GetAuthorizedEntries";
        assert_eq!(
            status.message(),
            format!("authorization denied for method {method}")
        );
        assert_eq!(denial_reason(&status), reason);
    }
}

#[tokio::test]
async fn the_first_use_of_a_renewed_svid_ends_the_old_one() {
    let world = World::new().await;
    let old = world.attest("/spire/agent/x").await;
    let soon = world.clock.now() + SignedDuration::from_mins(5);
    let renewed = caller(id("/spire/agent/x"), "77", soon);
    let nodes = world.registry.nodes();
    nodes
        .renew(&id("/spire/agent/x"), "77".to_owned(), soon.as_second())
        .await
        .unwrap();
    ask_for_entries(&world, old.clone()).await.unwrap();
    ask_for_entries(&world, renewed.clone()).await.unwrap();
    let status = ask_for_entries(&world, old).await.unwrap_err();
    assert_eq!(denial_reason(&status), Some(DenialReason::AgentNotActive));
    ask_for_entries(&world, renewed).await.unwrap();
}

#[tokio::test]
async fn what_is_not_there_is_named_after_authorization() {
    let world = World::new().await;
    let request = MintWitsvidRequest::default;
    let mut client = SvidClient::new(world.reached_by(local()));
    let status = client.mint_witsvid(request()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    assert!(
        status
            .message()
            .contains("MintWITSVID of spire.api.server.svid.v1.SVID"),
        "{status}"
    );
    let mut client = SvidClient::new(world.reached_by(anonymous()));
    let status = client.mint_witsvid(request()).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
}

#[tokio::test]
async fn what_belongs_to_the_socket_does_not_exist_on_tcp() {
    let world = World::new().await;
    let ask = async |who| {
        let mut client = LoggerClient::new(world.reached_by(who));
        client.get_logger(GetLoggerRequest {}).await.unwrap_err()
    };
    let remote = ask(world.svid("/configured-admin").await).await;
    assert_eq!(remote.code(), Code::Unimplemented);
    assert_eq!(
        remote.message(),
        "unknown service spire.api.server.logger.v1.Logger"
    );
    assert!(ask(local()).await.message().contains("not supported yet"));
}

#[tokio::test]
async fn anyone_gets_the_bundle() {
    let world = World::new().await;
    let mut client = BundleClient::new(world.reached_by(anonymous()));
    let bundle = client
        .get_bundle(GetBundleRequest::default())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(bundle.trust_domain, "td");
    assert_eq!(
        (bundle.x509_authorities.len(), bundle.jwt_authorities.len()),
        (1, 1)
    );
}
