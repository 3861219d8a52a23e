//! What agents do.

use steeple_grpc::{Caller, DenialReason, denial_reason};
use steeple_proto::{
    server::{
        agent::{
            AgentX509svidParams, AttestAgentRequest, AttestAgentResponse, PostStatusRequest,
            RenewAgentRequest,
            agent_client::AgentClient,
            attest_agent_request::{Params, Step},
            attest_agent_response,
        },
        svid::{
            BatchNewX509svidRequest, NewJwtsvidRequest, NewX509svidParams, svid_client::SvidClient,
        },
    },
    types::AttestationData,
};
use steeple_registry::{SelectorInput, entries::EntryInput, ids::IdInput};
use steeple_spiffe::x509::{CertificateInfo, verify_member};
use steeple_store::CreatedEntry;
use tonic::{Code, Status};

use super::world::{World, anonymous, csr, id};

async fn attest(
    world: &World,
    kind: &str,
    payload: &str,
) -> Result<attest_agent_response::Result, Status> {
    let data = AttestationData {
        r#type: kind.to_owned(),
        payload: payload.to_owned().into(),
    };
    let params = Params {
        data: Some(data),
        params: Some(AgentX509svidParams { csr: csr(&[], &[]) }),
    };
    let request = AttestAgentRequest {
        step: Some(Step::Params(params)),
    };
    let mut client = AgentClient::new(world.reached_by(anonymous()));
    let mut replies = client
        .attest_agent(futures::stream::iter([request]))
        .await?
        .into_inner();
    let reply = replies.message().await?.unwrap();
    assert!(replies.message().await?.is_none(), "the stream ends");
    match reply {
        AttestAgentResponse {
            step: Some(attest_agent_response::Step::Result(result)),
        } => Ok(result),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_join_token_admits_one_agent_once() {
    let world = World::new().await;
    let created = world
        .registry
        .tokens()
        .create("secret", 60, None)
        .await
        .unwrap();
    let result = attest(&world, "join_token", &created.token).await.unwrap();
    assert!(!result.reattestable);
    let svid = result.svid.unwrap();
    let path = "/spire/agent/join_token/secret";
    assert_eq!(svid.id.unwrap().path, path);
    let bundle = world.registry.bundles().own().unwrap();
    let peer = verify_member(&svid.cert_chain, &bundle, world.clock.now()).unwrap();
    assert_eq!(peer.id, id(path));
    let node = world.registry.nodes().find(&id(path)).unwrap();
    assert_eq!(
        (&node.serial, node.expires_at),
        (&peer.serial_decimal, svid.expires_at)
    );

    let status = attest(&world, "join_token", &created.token)
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let text = "failed to attest: join token does not exist or has already been used";
    assert_eq!(status.message(), text);
}

#[tokio::test]
async fn an_unknown_way_to_attest_is_named() {
    let world = World::new().await;
    let status = attest(&world, "magic", "x").await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    let text = "error getting node attestor: could not find node attestor type \"magic\"";
    assert_eq!(status.message(), text);
}

#[tokio::test]
async fn a_banned_agent_cannot_attest_again() {
    let world = World::new().await;
    let path = "/spire/agent/join_token/secret";
    world.attest(path).await;
    let input = IdInput {
        trust_domain: "td".to_owned(),
        path: path.to_owned(),
    };
    world.registry.nodes().ban(Some(&input)).await.unwrap();
    world
        .registry
        .tokens()
        .create("secret", 60, None)
        .await
        .unwrap();
    let status = attest(&world, "join_token", "secret").await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
    assert_eq!(status.message(), "failed to attest: agent is banned");
}

#[tokio::test]
async fn renewal_waits_for_its_first_use() {
    let world = World::new().await;
    let agent = world.attest("/spire/agent/x").await;
    let mut client = AgentClient::new(world.reached_by(agent));
    let params = Some(AgentX509svidParams {
        csr: csr(&["spiffe://td/other"], &["dns"]),
    });
    let renewed = client
        .renew_agent(RenewAgentRequest { params })
        .await
        .unwrap()
        .into_inner();
    let svid = renewed.svid.unwrap();
    assert_eq!(
        svid.id.unwrap().path,
        "/spire/agent/x",
        "only the key of the CSR counts"
    );
    let leaf = CertificateInfo::parse(&svid.cert_chain[0]).unwrap();
    let node = world.registry.nodes().find(&id("/spire/agent/x")).unwrap();
    assert_eq!(node.new_serial, leaf.serial.to_string());
    assert_ne!(node.serial, node.new_serial);

    let status = client
        .renew_agent(RenewAgentRequest::default())
        .await
        .unwrap_err();
    assert_eq!(status.message(), "params cannot be nil");
}

#[tokio::test]
async fn an_agent_that_can_attest_again_is_told_to() {
    let world = World::new().await;
    let agent = world.attest("/spire/agent/x").await;
    let Caller::X509(svid) = &agent else {
        panic!("not an SVID")
    };
    let attested = steeple_registry::nodes::Attested {
        id: svid.id.clone(),
        attestation_type: "test".to_owned(),
        selectors: Vec::new(),
        can_reattest: true,
        serial: svid.serial_decimal.clone(),
        expires_at: svid.not_after.as_second(),
    };
    world.registry.nodes().put_attested(attested).await.unwrap();
    let mut client = AgentClient::new(world.reached_by(agent));
    let params = Some(AgentX509svidParams { csr: csr(&[], &[]) });
    let status = client
        .renew_agent(RenewAgentRequest { params })
        .await
        .unwrap_err();
    assert_eq!(status.message(), "agent must reattest instead of renew");
    assert_eq!(
        denial_reason(&status),
        Some(DenialReason::AgentMustReattest)
    );
}

#[tokio::test]
async fn an_agents_version_is_kept() {
    let world = World::new().await;
    let mut client = AgentClient::new(world.reached_by(world.attest("/spire/agent/x").await));
    let post = |agent_version: String| PostStatusRequest {
        current_bundle_serial: 0,
        agent_version,
    };
    client.post_status(post("1.2".to_owned())).await.unwrap();
    let node = world.registry.nodes().find(&id("/spire/agent/x")).unwrap();
    assert_eq!(node.agent_version, "1.2");
    let status = client.post_status(post("x".repeat(256))).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
}

/// An entry of the agent's, and its ID.
pub(super) async fn register(world: &World, parent: &str, path: &str) -> String {
    let id = |path: &str| {
        Some(IdInput {
            trust_domain: "td".to_owned(),
            path: path.to_owned(),
        })
    };
    let input = EntryInput {
        spiffe_id: id(path),
        parent_id: id(parent),
        selectors: vec![SelectorInput {
            kind: "unix".to_owned(),
            value: "uid:1".to_owned(),
        }],
        dns_names: vec!["b.td".to_owned(), "a.td".to_owned()],
        x509_svid_ttl: 600,
        ..EntryInput::default()
    };
    match world
        .registry
        .entries()
        .create_batch(&[input])
        .await
        .remove(0)
        .unwrap()
    {
        CreatedEntry::New(entry) => entry.id.to_string(),
        CreatedEntry::Similar(_) => panic!("registered twice"),
    }
}

#[tokio::test]
async fn an_agent_gets_svids_for_its_own_entries_only() {
    let world = World::new().await;
    let agent = world.attest("/spire/agent/x").await;
    let own = register(&world, "/spire/agent/x", "/w").await;
    let others = register(&world, "/spire/agent/y", "/w").await;
    let param = |entry_id: &str, csr| NewX509svidParams {
        entry_id: entry_id.to_owned(),
        csr,
    };
    let params = vec![
        param(&own, csr(&["spiffe://td/evil"], &["evil"])),
        param(&others, csr(&[], &[])),
        param("", csr(&[], &[])),
        param(&own, bytes::Bytes::new()),
        param(&own, "garbage".into()),
    ];
    let mut client = SvidClient::new(world.reached_by(agent));
    let reply = client
        .batch_new_x509svid(BatchNewX509svidRequest { params })
        .await
        .unwrap();
    let results = reply.into_inner().results;
    let outcome = |at: usize| {
        let status = results[at].status.clone().unwrap();
        (Code::from_i32(status.code), status.message)
    };
    assert_eq!(outcome(0), (Code::Ok, "OK".to_owned()));
    assert_eq!(
        outcome(1),
        (
            Code::NotFound,
            "entry not found or not authorized".to_owned()
        )
    );
    assert_eq!(
        outcome(2),
        (Code::InvalidArgument, "missing entry ID".to_owned())
    );
    assert_eq!(
        outcome(3),
        (Code::InvalidArgument, "missing CSR".to_owned())
    );
    assert!(outcome(4).1.starts_with("malformed CSR"));
    let leaf = CertificateInfo::parse(&results[0].svid.as_ref().unwrap().cert_chain[0]).unwrap();
    assert_eq!(leaf.uris, ["spiffe://td/w"]);
    assert_eq!(leaf.dns_names, ["b.td", "a.td"]);
    assert!(results[1].svid.is_none());

    let status = client
        .batch_new_x509svid(BatchNewX509svidRequest::default())
        .await
        .unwrap_err();
    assert_eq!(status.message(), "missing parameters");
    let many = vec![param("x", csr(&[], &[])); 501];
    let many = BatchNewX509svidRequest { params: many };
    let status = client.batch_new_x509svid(many).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    let text = "rejecting request due to certificate signing rate limiting: \
                rate (501) exceeds burst size (500)";
    assert_eq!(status.message(), text);
}

#[tokio::test]
async fn an_agent_gets_tokens_for_its_own_entries_only() {
    let world = World::new().await;
    let agent = world.attest("/spire/agent/x").await;
    let own = register(&world, "/spire/agent/x", "/w").await;
    let others = register(&world, "/spire/agent/y", "/w").await;
    let mut client = SvidClient::new(world.reached_by(agent));
    let ask = |entry_id: &str, audience: &[&str]| NewJwtsvidRequest {
        entry_id: entry_id.to_owned(),
        audience: audience.iter().map(ToString::to_string).collect(),
    };
    let svid = client
        .new_jwtsvid(ask(&own, &["a"]))
        .await
        .unwrap()
        .into_inner()
        .svid
        .unwrap();
    assert_eq!(svid.id.unwrap().path, "/w");
    assert_eq!(svid.expires_at - svid.issued_at, 300);
    assert_eq!(svid.token.split('.').count(), 3);
    let status = client.new_jwtsvid(ask(&others, &[])).await.unwrap_err();
    assert_eq!(
        status.code(),
        Code::NotFound,
        "the entry is looked at before the audience"
    );
    let status = client.new_jwtsvid(ask(&own, &[])).await.unwrap_err();
    assert_eq!(status.message(), "at least one audience is required");
}
