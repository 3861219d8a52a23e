//! AttestAgent: a machine proves itself and becomes an agent.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use async_trait::async_trait;
use futures::Stream;
use steeple_plugin_sdk::{
    PluginError,
    nodeattestor::{AttestedNode, Challenge, ServerNodeAttestor},
};
use steeple_proto::server::agent::{
    AttestAgentRequest, AttestAgentResponse,
    attest_agent_request::{self, Params},
    attest_agent_response::{self, Result as Outcome},
};
use steeple_registry::nodes::Attested;
use steeple_spiffe::Selector;
use tokio::{sync::mpsc, task::JoinSet};
use tonic::{Code, Status, Streaming};
use tracing::{Instrument, Span};

use crate::{
    ApiConfig,
    agent::{sign, svid},
    call::Call,
    fail::{Failure, refuse},
};

const JOIN_TOKEN: &str = "join_token";

type Reply = Result<AttestAgentResponse, Status>;

/// The server's half of the stream. The work belongs to it: when the client goes away, it ends.
pub(crate) struct Replies {
    replies: mpsc::Receiver<Reply>,
    _work: JoinSet<()>,
}

impl Stream for Replies {
    type Item = Reply;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Reply>> {
        self.replies.poll_recv(cx)
    }
}

/// Serves one attestation.
pub(crate) fn begin(
    config: &Arc<ApiConfig>,
    call: Call,
    requests: Streaming<AttestAgentRequest>,
) -> Replies {
    let (sender, replies) = mpsc::channel(1);
    let mut session = Session {
        config: Arc::clone(config),
        call,
        requests,
        replies: sender,
    };
    let mut work = JoinSet::new();
    let serve = async move {
        let last = session.attest().await;
        // A client that is gone needs no answer.
        drop(session.replies.send(last).await);
    };
    work.spawn(serve.instrument(Span::current()));
    Replies {
        replies,
        _work: work,
    }
}

struct Session {
    config: Arc<ApiConfig>,
    call: Call,
    requests: Streaming<AttestAgentRequest>,
    replies: mpsc::Sender<Reply>,
}

impl Session {
    async fn attest(&mut self) -> Reply {
        let params = self.first().await?;
        let (data, csr) = check(params)?;
        let kind = data.r#type;
        let mut node = if kind == JOIN_TOKEN {
            self.by_token(&data.payload).await?
        } else {
            self.by_plugin(&kind, &data.payload).await?
        };
        self.check_id(&node, &kind)?;
        if self.config.agent_id_as_selector {
            node.selectors
                .extend(Selector::new("spiffe_id", node.agent_id.as_str()));
        }
        self.admit(node, kind, &csr).await
    }

    async fn first(&mut self) -> Result<Option<Params>, Status> {
        let what = "failed to receive request from stream";
        let refused = |why: &str| Failure::because(Code::InvalidArgument, what, why);
        match self.requests.message().await {
            Ok(Some(AttestAgentRequest { step })) => Ok(match step {
                Some(attest_agent_request::Step::Params(params)) => Some(params),
                _ => None,
            }),
            Ok(None) => Err(refused("EOF").into()),
            Err(status) => Err(refused(status.message()).into()),
        }
    }

    async fn by_token(&self, payload: &[u8]) -> Result<AttestedNode, Status> {
        let token = std::str::from_utf8(payload).unwrap_or_default();
        let agent_id = self
            .config
            .registry
            .tokens()
            .take(token)
            .await
            .map_err(refuse)?;
        Ok(AttestedNode {
            agent_id,
            selectors: Vec::new(),
            can_reattest: false,
        })
    }

    async fn by_plugin(&mut self, kind: &str, payload: &[u8]) -> Result<AttestedNode, Status> {
        let attestor = self.attestor(kind)?;
        let attested = attestor.attest(payload, self).await;
        attested.map_err(|error| {
            let text = error.to_string();
            Failure::new(code_of(&error), &text).into()
        })
    }

    fn attestor(&self, kind: &str) -> Result<Arc<dyn ServerNodeAttestor>, Status> {
        let found = self.config.attestors.iter().find(|(name, _)| name == kind);
        found
            .map(|(_, attestor)| Arc::clone(attestor))
            .ok_or_else(|| {
                let why = format!("could not find node attestor type {kind:?}");
                Failure::because(Code::FailedPrecondition, "error getting node attestor", why)
                    .into()
            })
    }

    /// The server's own ID is nobody else's. An odd place for an agent is only worth a line.
    fn check_id(&self, node: &AttestedNode, kind: &str) -> Result<(), Status> {
        let id = &node.agent_id;
        if id.path() == "/spire/server" {
            let text = "agent ID cannot collide with the server ID";
            return Err(Failure::new(Code::Internal, text).into());
        }
        let own = self.config.registry.trust_domain();
        let place = format!("/spire/agent/{kind}/");
        if !id.is_member_of(own) || !id.path().starts_with(&place) {
            tracing::warn!(
                agent_id = %id,
                node_attestor_type = kind,
                "The node attestor produced an agent ID outside of its place in the trust domain, {place}"
            );
        }
        Ok(())
    }

    async fn admit(&self, node: AttestedNode, kind: String, csr: &[u8]) -> Reply {
        let AttestedNode {
            agent_id,
            selectors,
            can_reattest,
        } = node;
        let nodes = self.config.registry.nodes();
        if nodes.find(&agent_id).is_some_and(|known| known.is_banned()) {
            let text = "failed to attest: agent is banned";
            return Err(Failure::new(Code::PermissionDenied, text).into());
        }
        let issued = sign(&self.config, &agent_id, csr).await?;
        let attested = Attested {
            id: agent_id.clone(),
            attestation_type: kind.clone(),
            selectors,
            can_reattest,
            serial: issued.serial_decimal.clone(),
            expires_at: issued.expires_at.as_second(),
        };
        nodes.put_attested(attested).await.map_err(refuse)?;
        tracing::info!(
            agent_id = %agent_id,
            node_attestor_type = kind,
            address = self.call.caller.addr().map(tracing::field::display),
            "Agent attestation request completed"
        );
        let outcome = Outcome {
            svid: Some(svid(issued)),
            reattestable: can_reattest,
        };
        Ok(AttestAgentResponse {
            step: Some(attest_agent_response::Step::Result(outcome)),
        })
    }
}

#[async_trait]
impl Challenge for Session {
    async fn ask(&mut self, challenge: Vec<u8>) -> Result<Vec<u8>, PluginError> {
        let step = attest_agent_response::Step::Challenge(challenge.into());
        let gone = |why: &str| {
            PluginError::Internal(format!("failed to receive challenge from agent: {why}"))
        };
        self.replies
            .send(Ok(AttestAgentResponse { step: Some(step) }))
            .await
            .map_err(|_| gone("it went away"))?;
        match self.requests.message().await {
            Ok(Some(AttestAgentRequest {
                step: Some(attest_agent_request::Step::ChallengeResponse(response)),
            })) => Ok(response.to_vec()),
            Ok(Some(_)) => Ok(Vec::new()),
            Ok(None) => Err(gone("EOF")),
            Err(status) => Err(gone(status.message())),
        }
    }
}

fn check(
    params: Option<Params>,
) -> Result<(steeple_proto::types::AttestationData, bytes::Bytes), Status> {
    let missing = |what: &str| Failure::because(Code::InvalidArgument, "malformed param", what);
    let params = params.ok_or_else(|| missing("missing params"))?;
    let data = params
        .data
        .ok_or_else(|| missing("missing attestation data"))?;
    let svid = params
        .params
        .ok_or_else(|| missing("missing X509-SVID parameters"))?;
    let lacking = [
        (svid.csr.is_empty(), "missing CSR"),
        (data.r#type.is_empty(), "missing attestation data type"),
        (data.payload.is_empty(), "missing attestation data payload"),
    ];
    match lacking.iter().find(|(lacks, _)| *lacks) {
        Some((_, what)) => Err(missing(what).into()),
        None => Ok((data, svid.csr)),
    }
}

fn code_of(error: &PluginError) -> Code {
    match error {
        PluginError::InvalidArgument(_) => Code::InvalidArgument,
        PluginError::NotFound(_) => Code::NotFound,
        PluginError::PermissionDenied(_) => Code::PermissionDenied,
        PluginError::FailedPrecondition(_) => Code::FailedPrecondition,
        PluginError::Unavailable(_) => Code::Unavailable,
        PluginError::Unimplemented(_) => Code::Unimplemented,
        PluginError::Internal(_) => Code::Internal,
    }
}

#[cfg(test)]
mod tests {
    use steeple_proto::{server::agent::AgentX509svidParams, types::AttestationData};

    use super::*;

    #[test]
    fn what_is_missing_is_told_in_spires_order() {
        let full = Params {
            data: Some(AttestationData {
                r#type: "t".to_owned(),
                payload: "p".into(),
            }),
            params: Some(AgentX509svidParams { csr: "c".into() }),
        };
        assert!(check(Some(full.clone())).is_ok());
        let without = |change: fn(&mut Params)| {
            let mut params = full.clone();
            change(&mut params);
            check(Some(params)).unwrap_err().message().to_owned()
        };
        let empty = AttestationData {
            r#type: String::new(),
            payload: bytes::Bytes::new(),
        };
        assert_eq!(
            check(None).unwrap_err().message(),
            "malformed param: missing params"
        );
        assert_eq!(
            without(|p| p.data = None),
            "malformed param: missing attestation data"
        );
        assert_eq!(
            without(|p| p.params = None),
            "malformed param: missing X509-SVID parameters"
        );
        assert_eq!(
            without(|p| p.params = Some(AgentX509svidParams::default())),
            "malformed param: missing CSR"
        );
        let with_data = |data: AttestationData| {
            let params = Params {
                data: Some(data),
                ..full.clone()
            };
            check(Some(params)).unwrap_err().message().to_owned()
        };
        assert_eq!(
            with_data(empty.clone()),
            "malformed param: missing attestation data type"
        );
        assert_eq!(
            with_data(AttestationData {
                r#type: "t".to_owned(),
                ..empty
            }),
            "malformed param: missing attestation data payload"
        );
    }
}
