//! The server's RPCs that keep a cache, each with its deadline.

use std::{collections::BTreeSet, future::Future, sync::Arc, time::Duration};

use futures::{StreamExt, TryStreamExt, stream};
use steeple_proto::{
    server::{
        agent::{PostStatusRequest, agent_client::AgentClient},
        bundle::{GetBundleRequest, GetFederatedBundleRequest, bundle_client::BundleClient},
        entry::entry_client::EntryClient,
        svid::{
            BatchNewX509svidRequest, NewJwtsvidRequest, NewX509svidParams,
            batch_new_x509svid_response, svid_client::SvidClient,
        },
    },
    types,
};
use steeple_spiffe::{Bundle, TrustDomain};
use tonic::{Code, Response, Status, transport::Channel};

use crate::{ServerError, bundle};

/// How long any call may take.
pub(crate) const RPC_TIMEOUT: Duration = Duration::from_secs(30);

/// How many federated bundles are fetched at once.
const BUNDLE_FETCHES: usize = 10;

/// Largest reply that is taken: 500 entries or SVIDs with room to spare.
const MAX_MESSAGE: usize = 64 * 1024 * 1024;

/// The agent's way to the server. Implementations must present the agent's current SVID and check
/// the server's against the current bundle.
pub trait ServerConnection: Send + Sync {
    /// The channel for the next call; it connects when needed.
    fn channel(&self) -> Channel;

    /// A call failed: the next channel starts from a fresh connection.
    fn release(&self);

    /// How often the agent's SVID was replaced. A call that was denied under an earlier SVID says
    /// nothing about the present one.
    fn generation(&self) -> u64;
}

/// Calls to the server.
#[derive(Clone)]
pub struct Server {
    connection: Arc<dyn ServerConnection>,
}

impl Server {
    /// Calls over `connection`.
    pub fn new(connection: Arc<dyn ServerConnection>) -> Self {
        Self { connection }
    }

    /// Tells the server which version the agent has.
    ///
    /// # Errors
    /// When the call fails; old servers do not know it.
    pub async fn post_status(&self, version: &str) -> Result<(), ServerError> {
        let request = PostStatusRequest {
            agent_version: version.to_owned(),
            ..Default::default()
        };
        let mut client = AgentClient::new(self.connection.channel());
        self.call(
            "failed to post agent status",
            RPC_TIMEOUT,
            client.post_status(request),
        )
        .await?;
        Ok(())
    }

    /// The channel for calls of no consequence: that one fails says nothing of the connection.
    pub(crate) fn channel(&self) -> Channel {
        self.connection.channel()
    }

    /// A client for the agent's entries.
    pub(crate) fn entries(&self) -> EntryClient<Channel> {
        EntryClient::new(self.connection.channel()).max_decoding_message_size(MAX_MESSAGE)
    }

    /// The own bundle.
    pub(crate) async fn bundle(&self) -> Result<types::Bundle, ServerError> {
        let mut client = self.bundles();
        let call = client.get_bundle(GetBundleRequest::default());
        let fetched = self.call("failed to fetch bundle", RPC_TIMEOUT, call).await;
        fetched.inspect_err(|error| log_failure(error, "Failed to fetch bundle"))
    }

    /// The bundles of `domains`, without those that the server does not have.
    pub(crate) async fn federated_bundles(
        &self,
        domains: BTreeSet<TrustDomain>,
    ) -> Result<Vec<Bundle>, ServerError> {
        stream::iter(domains)
            .map(|domain| self.federated_bundle(domain))
            .buffer_unordered(BUNDLE_FETCHES)
            .try_filter_map(async |bundle| Ok(bundle))
            .try_collect()
            .await
    }

    async fn federated_bundle(&self, domain: TrustDomain) -> Result<Option<Bundle>, ServerError> {
        let request = GetFederatedBundleRequest {
            trust_domain: domain.as_str().to_owned(),
            ..Default::default()
        };
        let mut client = self.bundles();
        let call = client.get_federated_bundle(request);
        match self
            .call("failed to fetch federated bundle", RPC_TIMEOUT, call)
            .await
        {
            Ok(bundle) => Ok(usable(bundle)),
            Err(error) if error.status.code() == Code::NotFound => {
                tracing::warn!(
                    subsystem_name = "manager",
                    federated_bundle = %domain.id(),
                    "Federated bundle not found"
                );
                Ok(None)
            }
            Err(error) => {
                tracing::error!(
                    subsystem_name = "manager",
                    %error,
                    federated_bundle = %domain.id(),
                    "Failed to fetch federated bundle"
                );
                Err(error)
            }
        }
    }

    fn bundles(&self) -> BundleClient<Channel> {
        BundleClient::new(self.connection.channel()).max_decoding_message_size(MAX_MESSAGE)
    }

    /// Has X.509-SVIDs signed; the results are in the order of `params`.
    pub(crate) async fn x509_svids(
        &self,
        params: Vec<NewX509svidParams>,
    ) -> Result<Vec<batch_new_x509svid_response::Result>, ServerError> {
        let channel = self.connection.channel();
        let mut client = SvidClient::new(channel).max_decoding_message_size(MAX_MESSAGE);
        let call = client.batch_new_x509svid(BatchNewX509svidRequest { params });
        let signed = self
            .call("failed to batch new X509 SVID(s)", RPC_TIMEOUT, call)
            .await;
        signed
            .map(|response| response.results)
            .inspect_err(|error| log_failure(error, "Failed to batch new X509 SVID(s)"))
    }

    /// Has one JWT-SVID signed, within `timeout`.
    pub(crate) async fn jwt_svid(
        &self,
        entry_id: &str,
        audience: &[String],
        timeout: Duration,
    ) -> Result<Option<types::Jwtsvid>, ServerError> {
        let request = NewJwtsvidRequest {
            entry_id: entry_id.to_owned(),
            audience: audience.to_vec(),
        };
        let mut client = SvidClient::new(self.connection.channel());
        let call = client.new_jwtsvid(request);
        Ok(self
            .call("failed to fetch JWT SVID", timeout, call)
            .await?
            .svid)
    }

    /// Awaits a call, at most for `timeout`. Where the connection may be at fault, the next call
    /// starts from a fresh one.
    pub(crate) async fn call<T>(
        &self,
        operation: &'static str,
        timeout: Duration,
        call: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<T, ServerError> {
        let generation = self.generation();
        let ended = tokio::time::timeout(timeout, call)
            .await
            .unwrap_or_else(|_| Err(late(timeout)));
        ended
            .map(Response::into_inner)
            .map_err(|status| self.failed(operation, generation, status))
    }

    /// Which SVID of the agent calls are made with now.
    pub(crate) fn generation(&self) -> u64 {
        self.connection.generation()
    }

    /// Notes that a call failed that was begun with the agent's SVID of `generation`.
    pub(crate) fn failed(
        &self,
        operation: &'static str,
        generation: u64,
        status: Status,
    ) -> ServerError {
        let renewed = generation != self.generation();
        if status.code() == Code::PermissionDenied && renewed {
            // The server knows the new SVID already and has forgotten the one of this call.
            let status = Status::unavailable("the agent's SVID was renewed during the call");
            return ServerError::new(operation, status);
        }
        if !is_an_answer(status.code()) && !renewed {
            self.connection.release();
        }
        ServerError::new(operation, status)
    }
}

/// The status of a call that took too long.
pub(crate) fn late(timeout: Duration) -> Status {
    Status::deadline_exceeded(format!("no answer within {} s", timeout.as_secs()))
}

/// Whether a server that can be talked to says so, as opposed to a broken connection.
fn is_an_answer(code: Code) -> bool {
    matches!(
        code,
        Code::NotFound
            | Code::InvalidArgument
            | Code::FailedPrecondition
            | Code::ResourceExhausted
            | Code::Unimplemented
    )
}

/// Reads a federated bundle; a broken one is told and left out.
fn usable(proto: types::Bundle) -> Option<Bundle> {
    let read = bundle::from_proto(proto);
    read.inspect_err(|error| {
        tracing::warn!(
            subsystem_name = "manager",
            %error,
            "Received malformed bundle from SPIRE server; are the server and agent versions compatible?"
        );
    })
    .ok()
}

fn log_failure(error: &ServerError, message: &'static str) {
    tracing::error!(
        subsystem_name = "manager",
        %error,
        status_code = ?error.status.code(),
        status_message = error.status.message(),
        "{message}"
    );
}
