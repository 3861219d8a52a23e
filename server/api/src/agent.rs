//! `agent.v1.Agent`: agents attest, renew and report; operators look after them.

use std::sync::Arc;

use steeple_authority::{AgentX509, IssuedX509};
use steeple_grpc::{DenialReason, denied};
use steeple_proto::{
    server::agent::{
        AttestAgentRequest, BanAgentRequest, CountAgentsRequest, CountAgentsResponse,
        CreateJoinTokenRequest, DeleteAgentRequest, GetAgentRequest, ListAgentsRequest,
        ListAgentsResponse, PostStatusRequest, PostStatusResponse, RenewAgentRequest,
        RenewAgentResponse,
        agent_server::{Agent, AgentServer},
    },
    types,
};
use steeple_registry::Page;
use steeple_spiffe::{SpiffeId, csr::VerifiedCsr};
use tonic::{Code, Request, Response, Status, Streaming};

use crate::{
    ApiConfig,
    attest::{self, Replies},
    call::Call,
    convert::{agent as convert, id},
    fail::{Failure, refuse},
};

/// The service.
pub(crate) fn service(config: &Arc<ApiConfig>) -> AgentServer<AgentService> {
    AgentServer::new(AgentService(Arc::clone(config)))
}

pub(crate) struct AgentService(Arc<ApiConfig>);

#[tonic::async_trait]
impl Agent for AgentService {
    async fn count_agents(
        &self,
        request: Request<CountAgentsRequest>,
    ) -> Result<Response<CountAgentsResponse>, Status> {
        let filter = request.into_inner().filter.unwrap_or_default();
        let filter = convert::filter_from_wire(convert::WireFilter {
            attestation_type: filter.by_attestation_type,
            selectors: filter.by_selector_match,
            banned: filter.by_banned,
            can_reattest: filter.by_can_reattest,
            expires_before: filter.by_expires_before,
        })?;
        let count = self.0.registry.nodes().count(&filter).map_err(refuse)?;
        Ok(Response::new(CountAgentsResponse {
            count: i32::try_from(count).unwrap_or(i32::MAX),
        }))
    }

    async fn list_agents(
        &self,
        request: Request<ListAgentsRequest>,
    ) -> Result<Response<ListAgentsResponse>, Status> {
        let request = request.into_inner();
        let filter = request.filter.unwrap_or_default();
        let filter = convert::filter_from_wire(convert::WireFilter {
            attestation_type: filter.by_attestation_type,
            selectors: filter.by_selector_match,
            banned: filter.by_banned,
            can_reattest: filter.by_can_reattest,
            expires_before: filter.by_expires_before,
        })?;
        let page = Page {
            size: request.page_size,
            token: request.page_token,
        };
        let found = self
            .0
            .registry
            .nodes()
            .list(&filter, &page)
            .map_err(refuse)?;
        let mask = request.output_mask.as_ref();
        let agents = found
            .items
            .iter()
            .map(|node| convert::to_wire(node, mask))
            .collect();
        Ok(Response::new(ListAgentsResponse {
            agents,
            next_page_token: found.next_token,
        }))
    }

    async fn get_agent(
        &self,
        request: Request<GetAgentRequest>,
    ) -> Result<Response<types::Agent>, Status> {
        let request = request.into_inner();
        let wanted = id::from_wire(request.id);
        let node = self
            .0
            .registry
            .nodes()
            .get(wanted.as_ref())
            .map_err(refuse)?;
        Ok(Response::new(convert::to_wire(
            &node,
            request.output_mask.as_ref(),
        )))
    }

    async fn delete_agent(
        &self,
        request: Request<DeleteAgentRequest>,
    ) -> Result<Response<()>, Status> {
        let wanted = id::from_wire(request.into_inner().id);
        let deleted = self
            .0
            .registry
            .nodes()
            .delete(wanted.as_ref())
            .await
            .map_err(refuse)?;
        tracing::info!(spiffe_id = %deleted, "Agent deleted");
        Ok(Response::new(()))
    }

    async fn ban_agent(&self, request: Request<BanAgentRequest>) -> Result<Response<()>, Status> {
        let wanted = id::from_wire(request.into_inner().id);
        let banned = self
            .0
            .registry
            .nodes()
            .ban(wanted.as_ref())
            .await
            .map_err(refuse)?;
        tracing::info!(spiffe_id = %banned, "Agent banned");
        Ok(Response::new(()))
    }

    type AttestAgentStream = Replies;

    async fn attest_agent(
        &self,
        request: Request<Streaming<AttestAgentRequest>>,
    ) -> Result<Response<Replies>, Status> {
        let call = Call::of(&request)?;
        call.limit(1, "rejecting request due to attest agent rate limiting")
            .await?;
        Ok(Response::new(attest::begin(
            &self.0,
            call,
            request.into_inner(),
        )))
    }

    async fn renew_agent(
        &self,
        request: Request<RenewAgentRequest>,
    ) -> Result<Response<RenewAgentResponse>, Status> {
        let call = Call::of(&request)?;
        call.limit(1, "rejecting request due to renew agent rate limiting")
            .await?;
        let agent = call.id()?;
        let missing = || Failure::new(Code::NotFound, "agent not found");
        let node = self.0.registry.nodes().find(agent).ok_or_else(missing)?;
        if node.can_reattest {
            let text = "agent must reattest instead of renew";
            return Err(denied(text, DenialReason::AgentMustReattest));
        }
        tracing::info!("Renewing agent SVID");
        let params = request.into_inner().params;
        let params = params.ok_or_else(|| Failure::invalid("params cannot be nil"))?;
        if params.csr.is_empty() {
            return Err(Failure::invalid("missing CSR").into());
        }
        let issued = sign(&self.0, agent, &params.csr).await?;
        let (serial, expires_at) = (issued.serial_decimal.clone(), issued.expires_at.as_second());
        self.0
            .registry
            .nodes()
            .renew(agent, serial, expires_at)
            .await
            .map_err(refuse)?;
        Ok(Response::new(RenewAgentResponse {
            svid: Some(svid(issued)),
        }))
    }

    async fn create_join_token(
        &self,
        request: Request<CreateJoinTokenRequest>,
    ) -> Result<Response<types::JoinToken>, Status> {
        let request = request.into_inner();
        let agent_id = id::from_wire(request.agent_id);
        let tokens = self.0.registry.tokens();
        let created = tokens
            .create(&request.token, request.ttl, agent_id.as_ref())
            .await;
        let created = created.map_err(refuse)?;
        Ok(Response::new(types::JoinToken {
            value: created.token,
            expires_at: created.expires_at,
        }))
    }

    async fn post_status(
        &self,
        request: Request<PostStatusRequest>,
    ) -> Result<Response<PostStatusResponse>, Status> {
        let call = Call::of(&request)?;
        call.limit(1, "rejecting request due to post status rate limiting")
            .await?;
        let agent = call.id()?;
        let agent_version = request.into_inner().agent_version;
        let nodes = self.0.registry.nodes();
        nodes
            .set_version(agent, &agent_version)
            .await
            .map_err(refuse)?;
        tracing::debug!(spiffe_id = %agent, agent_version, "Agent status updated");
        Ok(Response::new(PostStatusResponse {}))
    }
}

/// Signs an agent's SVID. Of the CSR only the key counts.
pub(crate) async fn sign(
    config: &ApiConfig,
    agent: &SpiffeId,
    csr: &[u8],
) -> Result<IssuedX509, Status> {
    let csr = VerifiedCsr::parse(csr)
        .map_err(|why| Failure::because(Code::InvalidArgument, "failed to parse CSR", why))?;
    let request = AgentX509 {
        public_key: csr.public_key().to_vec(),
        spiffe_id: agent.clone(),
    };
    let signed = config.authority.sign_agent_x509(request).await;
    signed.map_err(|why| Failure::internal("failed to sign X509 SVID", why).into())
}

/// A signed certificate for the wire.
pub(crate) fn svid(issued: IssuedX509) -> types::X509svid {
    types::X509svid {
        id: Some(id::to_wire(&issued.spiffe_id)),
        expires_at: issued.expires_at.as_second(),
        cert_chain: issued.chain.into_iter().map(Into::into).collect(),
        hint: String::new(),
    }
}
