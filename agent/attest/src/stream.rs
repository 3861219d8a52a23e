//! The attestation stream: data, challenges, and at the end an SVID.

use std::time::Duration;

use steeple_plugin_sdk::nodeattestor::AgentNodeAttestor;
use steeple_proto::{
    server::agent::{
        AgentX509svidParams, AttestAgentRequest, AttestAgentResponse, agent_client::AgentClient,
        attest_agent_request, attest_agent_response,
    },
    types::AttestationData,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming, transport::Channel};

use crate::{AttestError, Attestor};

/// How long attestation may take; the server may make an agent wait for its turn.
const TIMEOUT: Duration = Duration::from_secs(120);
const JOIN_TOKEN: &str = "join_token";
const RECEIVE: &str = "failed to receive attestation response";

/// What attestation yields: the chain, leaf first, and whether the node may attest again.
pub(crate) type Attested = (Vec<Vec<u8>>, bool);

/// Attests over `channel` for the key in `csr`.
pub(crate) async fn attest(
    channel: Channel,
    attestor: &Attestor,
    csr: Vec<u8>,
) -> Result<Attested, AttestError> {
    let attesting = run(channel, attestor, csr);
    tokio::time::timeout(TIMEOUT, attesting)
        .await
        .unwrap_or_else(|_| {
            let status =
                Status::deadline_exceeded(format!("no result within {} s", TIMEOUT.as_secs()));
            Err(AttestError::server(RECEIVE, status))
        })
}

async fn run(channel: Channel, attestor: &Attestor, csr: Vec<u8>) -> Result<Attested, AttestError> {
    let (kind, payload) = match attestor {
        Attestor::JoinToken(None) => return Err(AttestError::NoToken),
        Attestor::JoinToken(Some(token)) => (JOIN_TOKEN, token.clone().into_bytes()),
        Attestor::Plugin(plugin) => (
            plugin.kind(),
            plugin
                .payload()
                .await
                .map_err(|e| refused(plugin.as_ref(), e))?,
        ),
    };
    let (asks, requests) = mpsc::channel(1);
    let ask = async |step| {
        let closed = |_| Status::unavailable("the server ended the attestation");
        let sent = asks
            .send(AttestAgentRequest { step: Some(step) })
            .await
            .map_err(closed);
        sent.map_err(|status| {
            AttestError::server("failed to send attestation request to SPIRE server", status)
        })
    };
    let data = AttestationData {
        r#type: kind.to_owned(),
        payload: payload.into(),
    };
    let params = attest_agent_request::Params {
        data: Some(data),
        params: Some(AgentX509svidParams { csr: csr.into() }),
    };
    ask(attest_agent_request::Step::Params(params)).await?;
    let mut client = AgentClient::new(channel);
    let opened = client.attest_agent(ReceiverStream::new(requests)).await;
    let mut replies = opened
        .map_err(|status| AttestError::server(RECEIVE, status))?
        .into_inner();
    loop {
        match next(&mut replies).await? {
            attest_agent_response::Step::Result(result) => return read(result),
            attest_agent_response::Step::Challenge(challenge) => {
                let Attestor::Plugin(plugin) = attestor else {
                    let reason = "server issued unexpected challenge".to_owned();
                    return Err(AttestError::Answer(reason));
                };
                let answer = plugin.respond(&challenge).await;
                let answer = answer.map_err(|error| refused(plugin.as_ref(), error))?;
                ask(attest_agent_request::Step::ChallengeResponse(answer.into())).await?;
            }
        }
    }
}

async fn next(
    replies: &mut Streaming<AttestAgentResponse>,
) -> Result<attest_agent_response::Step, AttestError> {
    let reply = replies
        .message()
        .await
        .map_err(|status| AttestError::server(RECEIVE, status))?;
    let step = reply.and_then(|reply| reply.step);
    step.ok_or_else(|| AttestError::Answer("attest response is missing SVID".to_owned()))
}

fn read(result: attest_agent_response::Result) -> Result<Attested, AttestError> {
    let missing = || AttestError::Answer("attest response is missing SVID".to_owned());
    let chain: Vec<_> = result
        .svid
        .ok_or_else(missing)?
        .cert_chain
        .into_iter()
        .map(Vec::from)
        .collect();
    Ok((chain, result.reattestable))
}

fn refused(plugin: &dyn AgentNodeAttestor, error: steeple_plugin_sdk::PluginError) -> AttestError {
    AttestError::Attestor(plugin.kind().to_owned(), error)
}
