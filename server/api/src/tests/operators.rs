//! What operators do.

use steeple_proto::{
    server::{
        agent::{CreateJoinTokenRequest, agent_client::AgentClient},
        bundle::{AppendBundleRequest, GetFederatedBundleRequest, bundle_client::BundleClient},
        entry::{
            BatchCreateEntryRequest, BatchDeleteEntryRequest, ListEntriesRequest,
            entry_client::EntryClient,
        },
        svid::{MintJwtsvidRequest, MintX509svidRequest, svid_client::SvidClient},
    },
    types,
};
use steeple_spiffe::x509::CertificateInfo;
use tonic::{Code, Status};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use super::world::{World, anonymous, csr, local};

fn wire_id(path: &str) -> types::Spiffeid {
    types::Spiffeid {
        trust_domain: "td".to_owned(),
        path: path.to_owned(),
    }
}

fn wire_entry(path: &str) -> types::Entry {
    types::Entry {
        spiffe_id: Some(wire_id(path)),
        parent_id: Some(wire_id("/spire/agent/x")),
        selectors: vec![types::Selector {
            r#type: "unix".to_owned(),
            value: "uid:1".to_owned(),
        }],
        ..types::Entry::default()
    }
}

#[tokio::test]
async fn entries_are_created_listed_and_deleted() {
    let world = World::new().await;
    let mut client = EntryClient::new(world.reached_by(local()));
    let entries = vec![
        wire_entry("/a"),
        wire_entry("/a"),
        wire_entry("/spire/no"),
        wire_entry("/b"),
    ];
    let request = BatchCreateEntryRequest {
        entries,
        output_mask: None,
    };
    let results = client
        .batch_create_entry(request)
        .await
        .unwrap()
        .into_inner()
        .results;
    let codes: Vec<_> = results
        .iter()
        .map(|r| r.status.as_ref().unwrap().code)
        .collect();
    assert_eq!(
        codes,
        [
            0,
            Code::AlreadyExists as i32,
            Code::InvalidArgument as i32,
            0
        ]
    );
    assert_eq!(
        results[1].status.as_ref().unwrap().message,
        "similar entry already exists"
    );
    assert_eq!(results[1].entry, results[0].entry, "the one that is there");
    let refusal = &results[2].status.as_ref().unwrap().message;
    let begin =
        "failed to convert entry: invalid spiffe ID: \"spiffe://td/spire/no\" is not a workload";
    assert!(refusal.starts_with(begin), "{refusal}");

    let mut page = ListEntriesRequest {
        page_size: 1,
        ..ListEntriesRequest::default()
    };
    let mut paths = Vec::new();
    loop {
        let reply = client
            .list_entries(page.clone())
            .await
            .unwrap()
            .into_inner();
        paths.extend(
            reply
                .entries
                .into_iter()
                .map(|entry| entry.spiffe_id.unwrap().path),
        );
        if reply.next_page_token.is_empty() {
            break;
        }
        page.page_token = reply.next_page_token;
    }
    assert_eq!(paths, ["/a", "/b"]);

    let id = results[0].entry.as_ref().unwrap().id.clone();
    let request = BatchDeleteEntryRequest {
        ids: vec![id.clone(), id, String::new()],
    };
    let results = client
        .batch_delete_entry(request)
        .await
        .unwrap()
        .into_inner()
        .results;
    let messages: Vec<_> = results
        .iter()
        .map(|r| r.status.as_ref().unwrap().message.as_str())
        .collect();
    assert_eq!(messages, ["OK", "entry not found", "missing entry ID"]);
}

async fn mint(world: &World, csr: bytes::Bytes) -> Result<types::X509svid, Status> {
    let mut client = SvidClient::new(world.reached_by(local()));
    let reply = client
        .mint_x509svid(MintX509svidRequest { csr, ttl: 0 })
        .await?;
    Ok(reply.into_inner().svid.unwrap())
}

#[tokio::test]
async fn minting_checks_every_name() {
    let world = World::new().await;
    let names = ["*.a.td", "b.td"];
    let svid = mint(&world, csr(&["spiffe://td/w"], &names)).await.unwrap();
    assert_eq!(
        CertificateInfo::parse(&svid.cert_chain[0])
            .unwrap()
            .dns_names,
        names
    );

    let mut forged = csr(&["spiffe://td/w"], &[]).to_vec();
    *forged.last_mut().unwrap() ^= 1;
    let cases: Vec<(bytes::Bytes, &str)> = vec![
        (bytes::Bytes::new(), "missing CSR"),
        ("garbage".into(), "malformed CSR: "),
        (forged.into(), "failed to verify CSR signature: "),
        (csr(&[], &[]), "CSR URI SAN is required"),
        (
            csr(&["spiffe://td/a", "spiffe://td/b"], &[]),
            "only one URI SAN is expected",
        ),
        (
            csr(&["https://td/a"], &[]),
            "CSR URI SAN is invalid: scheme is missing or invalid",
        ),
        (
            csr(&["spiffe://other/a"], &[]),
            "CSR URI SAN is invalid: \"spiffe://other/a\" is not a member of trust domain \"td\"",
        ),
        (
            csr(&["spiffe://td/spire/server"], &[]),
            "CSR URI SAN is invalid: \"spiffe://td/spire/server\" is not a workload in trust domain \"td\"; path is in the reserved namespace",
        ),
        (
            csr(&["spiffe://td/w"], &["a.*"]),
            "CSR DNS name is invalid: wildcard must be first label",
        ),
        (
            csr(&["spiffe://td/w"], &["x.a.td", "*.a.td"]),
            "CSR DNS name contains a wildcard that covers another non-wildcard name: name \"x.a.td\"",
        ),
    ];
    for (csr, text) in cases {
        let status = mint(&world, csr).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{text}");
        assert!(
            status.message().starts_with(text),
            "{} is not {text}",
            status.message()
        );
    }
}

#[tokio::test]
async fn tokens_are_minted_for_workloads_with_an_audience() {
    let world = World::new().await;
    let mut client = SvidClient::new(world.reached_by(local()));
    let ask = |path: &str, audience: &[&str]| MintJwtsvidRequest {
        id: Some(wire_id(path)),
        audience: audience.iter().map(ToString::to_string).collect(),
        ttl: 10,
    };
    let svid = client
        .mint_jwtsvid(ask("/w", &["a"]))
        .await
        .unwrap()
        .into_inner()
        .svid
        .unwrap();
    assert_eq!(svid.expires_at - svid.issued_at, 10);
    let cases = [
        (ask("/w", &[]), "at least one audience is required"),
        (
            ask("/w", &[""]),
            "failed to sign JWT-SVID: invalid JWT-SVID audience: cannot be empty",
        ),
        (ask("/spire/server", &["a"]), "invalid SPIFFE ID: "),
    ];
    for (request, text) in cases {
        let status = client.mint_jwtsvid(request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{text}");
        assert!(status.message().starts_with(text), "{}", status.message());
    }
}

#[tokio::test]
async fn without_jwt_svids_nobody_gets_a_token() {
    let world = World::with(|config| config.jwt_disabled = true).await;
    let mut client = SvidClient::new(world.reached_by(local()));
    let status = client
        .mint_jwtsvid(MintJwtsvidRequest::default())
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    assert_eq!(status.message(), "JWT functionality is disabled");
}

#[tokio::test]
async fn a_token_comes_with_its_alias() {
    let world = World::new().await;
    let mut client = AgentClient::new(world.reached_by(local()));
    let request = CreateJoinTokenRequest {
        ttl: 60,
        token: String::new(),
        agent_id: Some(wire_id("/alias")),
    };
    let token = client
        .create_join_token(request)
        .await
        .unwrap()
        .into_inner();
    let entries = world.registry.entries();
    let listed = entries
        .list(&Default::default(), &Default::default())
        .unwrap()
        .items;
    assert_eq!(listed.len(), 1);
    let parent = format!("spiffe://td/spire/agent/join_token/{}", token.value);
    assert_eq!(listed[0].parent_id.as_str(), parent);
    assert_eq!(
        listed[0].selectors[0].to_string(),
        format!("spiffe_id:{parent}")
    );

    let status = client
        .create_join_token(CreateJoinTokenRequest::default())
        .await
        .unwrap_err();
    assert_eq!(status.message(), "ttl is required, you must provide one");
}

#[tokio::test]
async fn the_own_bundle_is_appended_to_but_is_not_federated() {
    let world = World::new().await;
    let mut client = BundleClient::new(world.reached_by(local()));
    let before = world.registry.bundles().own().unwrap();
    let root = before.x509_authorities[0].der.clone();
    let certificate = |asn1: Vec<u8>| types::X509Certificate {
        asn1: asn1.into(),
        tainted: true,
    };
    let append = |asn1| AppendBundleRequest {
        x509_authorities: vec![certificate(asn1)],
        ..AppendBundleRequest::default()
    };
    let same = client
        .append_bundle(append(root))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        same.sequence_number, before.sequence_number,
        "nothing was new"
    );
    assert!(!same.x509_authorities[0].tainted);
    let status = client
        .append_bundle(append(b"garbage".to_vec()))
        .await
        .unwrap_err();
    assert!(
        status
            .message()
            .starts_with("failed to convert X.509 authority: ")
    );
    let status = client
        .append_bundle(AppendBundleRequest::default())
        .await
        .unwrap_err();
    assert_eq!(status.message(), "no authorities to append");

    let ask = |trust_domain: &str| GetFederatedBundleRequest {
        trust_domain: trust_domain.to_owned(),
        output_mask: None,
    };
    let status = client.get_federated_bundle(ask("td")).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let status = client.get_federated_bundle(ask("other")).await.unwrap_err();
    assert_eq!(
        (status.code(), status.message()),
        (Code::NotFound, "bundle not found")
    );
}

#[tokio::test]
async fn health_is_for_the_socket_and_for_the_whole_server() {
    let world = World::new().await;
    let ask = async |caller, service: &str| {
        let request = HealthCheckRequest {
            service: service.to_owned(),
        };
        HealthClient::new(world.reached_by(caller))
            .check(request)
            .await
    };
    assert_eq!(ask(local(), "").await.unwrap().into_inner().status, 1);
    let status = ask(local(), "x").await.unwrap_err();
    assert_eq!(status.message(), "per-service health is not supported");
    assert_eq!(
        ask(anonymous(), "").await.unwrap_err().code(),
        Code::Unimplemented
    );
}
