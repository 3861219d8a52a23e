//! Calls that no honest client makes: the same code and words as stock SPIRE's, and the server
//! goes on.

use anyhow::{Context, Result, bail, ensure};
use steeple_proto::{
    server::{
        agent::{
            AgentX509svidParams, AttestAgentRequest, CreateJoinTokenRequest,
            agent_client::AgentClient,
            attest_agent_request::{Params, Step},
        },
        bundle::{GetBundleRequest, bundle_client::BundleClient},
        entry::{
            GetAuthorizedEntriesRequest, GetEntryRequest, ListEntriesRequest,
            entry_client::EntryClient,
        },
        svid::{BatchNewX509svidRequest, NewJwtsvidRequest, svid_client::SvidClient},
    },
    types::AttestationData,
};
use steeple_tests::{Case, Place, Programs, Server, ServerPlan, unix_channel};
use tonic::{Code, Status, transport::Channel};

pub(crate) fn cases() -> Vec<Case> {
    vec![Case::new("server_refuses_bad_calls", bad_calls)]
}

fn bad_calls(place: &Place) -> Result<()> {
    let programs = Programs::ours()?;
    let server = ServerPlan::new(place, "server")?.start(&programs)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let channel = unix_channel(&server.plan.socket()).await?;
        attestation(&server, channel.clone())
            .await
            .context("AttestAgent")?;
        others(channel).await
    })?;
    ensure!(
        server.must(&["healthcheck"])? == "Server is healthy.\n",
        "it is not healthy"
    );
    ensure!(
        server.must(&["agent", "list"])? == "No attested agents found\n",
        "there is an agent"
    );
    Ok(())
}

/// An attestation's data and parameters, and what the server says to them.
type Malformed = (
    Option<AttestationData>,
    Option<AgentX509svidParams>,
    (Code, String),
);

/// What an agent may say wrong while it attests; a local caller may try, too.
async fn attestation(server: &Server, channel: Channel) -> Result<()> {
    let good = rcgen::KeyPair::generate()?;
    let csr = rcgen::CertificateParams::default()
        .serialize_request(&good)?
        .der()
        .to_vec();
    let data = |kind: &str, payload: &str| {
        Some(AttestationData {
            r#type: kind.to_owned(),
            payload: payload.as_bytes().to_vec().into(),
        })
    };
    let params = |csr: &[u8]| {
        Some(AgentX509svidParams {
            csr: csr.to_vec().into(),
        })
    };
    let malformed = |what: &str| (Code::InvalidArgument, format!("malformed param: {what}"));
    let used = "failed to attest: join token does not exist or has already been used";
    let cases: [Malformed; 7] = [
        (None, params(&csr), malformed("missing attestation data")),
        (
            data("join_token", "x"),
            None,
            malformed("missing X509-SVID parameters"),
        ),
        (
            data("join_token", "x"),
            params(b""),
            malformed("missing CSR"),
        ),
        (
            data("", "x"),
            params(&csr),
            malformed("missing attestation data type"),
        ),
        (
            data("join_token", ""),
            params(&csr),
            malformed("missing attestation data payload"),
        ),
        (
            data("join_token", "unknown"),
            params(&csr),
            (Code::InvalidArgument, used.to_owned()),
        ),
        (
            data("bogus", "x"),
            params(&csr),
            (
                Code::FailedPrecondition,
                "error getting node attestor: could not find node attestor type \"bogus\""
                    .to_owned(),
            ),
        ),
    ];
    for (data, params, (code, message)) in cases {
        let status = attest(channel.clone(), Some(Step::Params(Params { data, params }))).await?;
        expect(&status, code, &message)?;
    }
    let status = attest(channel.clone(), None).await?;
    expect(
        &status,
        Code::InvalidArgument,
        "malformed param: missing params",
    )?;

    // A request that is no CSR, with a good token: refused, in words that name the CSR.
    let token = server.token()?;
    let step = Step::Params(Params {
        data: data("join_token", &token),
        params: params(b"garbage"),
    });
    let status = attest(channel.clone(), Some(step)).await?;
    ensure!(status.code() == Code::InvalidArgument, "{status:?}");
    ensure!(status.message().contains("CSR"), "{status:?}");
    let request = CreateJoinTokenRequest {
        ttl: 0,
        ..Default::default()
    };
    let refused = AgentClient::new(channel).create_join_token(request).await;
    let status = refused.err().context("a token without a lifetime")?;
    expect(
        &status,
        Code::InvalidArgument,
        "ttl is required, you must provide one",
    )
}

async fn attest(channel: Channel, step: Option<Step>) -> Result<Status> {
    let requests = tokio_stream::once(AttestAgentRequest { step });
    match AgentClient::new(channel).attest_agent(requests).await {
        Err(status) => Ok(status),
        Ok(replies) => match replies.into_inner().message().await {
            Err(status) => Ok(status),
            Ok(reply) => bail!("it was attested: {reply:?}"),
        },
    }
}

/// What a local caller may not do, and what it may say wrong.
async fn others(channel: Channel) -> Result<()> {
    let mut entry = EntryClient::new(channel.clone());
    let mut svid = SvidClient::new(channel.clone());
    let denied = |method: &str| format!("authorization denied for method {method}");

    let refused = entry
        .get_authorized_entries(GetAuthorizedEntriesRequest::default())
        .await;
    let method = "/spire.api.server.entry.v1.Entry/GetAuthorizedEntries";
    expect(
        &refused.err().context(method)?,
        Code::PermissionDenied,
        &denied(method),
    )?;

    let refused = svid
        .batch_new_x509svid(BatchNewX509svidRequest::default())
        .await;
    let method = "/spire.api.server.svid.v1.SVID/BatchNewX509SVID";
    expect(
        &refused.err().context(method)?,
        Code::PermissionDenied,
        &denied(method),
    )?;

    let refused = svid.new_jwtsvid(NewJwtsvidRequest::default()).await;
    let method = "/spire.api.server.svid.v1.SVID/NewJWTSVID";
    expect(
        &refused.err().context(method)?,
        Code::PermissionDenied,
        &denied(method),
    )?;

    let request = ListEntriesRequest {
        page_token: "x".to_owned(),
        page_size: 1,
        ..Default::default()
    };
    let status = entry
        .list_entries(request)
        .await
        .err()
        .context("a bad page token")?;
    // Stock wraps its own InvalidArgument into an Internal.
    let codes = [Code::InvalidArgument, Code::Internal];
    ensure!(codes.contains(&status.code()), "{status:?}");
    ensure!(
        status.message().contains("could not parse token"),
        "{status:?}"
    );

    let status = entry
        .get_entry(GetEntryRequest::default())
        .await
        .err()
        .context("no id")?;
    expect(&status, Code::InvalidArgument, "missing ID")?;

    let request = GetEntryRequest {
        id: "none".to_owned(),
        output_mask: None,
    };
    let status = entry
        .get_entry(request)
        .await
        .err()
        .context("an unknown id")?;
    expect(&status, Code::NotFound, "entry not found")?;

    // The control: an honest call over the same connection.
    BundleClient::new(channel)
        .get_bundle(GetBundleRequest::default())
        .await?;
    Ok(())
}

fn expect(status: &Status, code: Code, message: &str) -> Result<()> {
    ensure!(
        status.code() == code && status.message() == message,
        "{:?} {:?} instead of {code:?} {message:?}",
        status.code(),
        status.message()
    );
    Ok(())
}
