//! Connections to the server as the agent that this node is.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use arc_swap::ArcSwap;
use steeple_grpc::{ConnectError, Identity, ServerPolicy, Target, connect_lazy};
use steeple_lifecycle::Clock;
use steeple_spiffe::{Bundle, TrustDomain};
use tokio::sync::watch;
use tonic::transport::Channel;

/// Where the server is.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) trust_domain: TrustDomain,
    pub(crate) clock: Clock,
}

impl Address {
    /// A channel without a client certificate, for attestation.
    pub(crate) fn anonymous(&self, bundle: Option<Arc<Bundle>>) -> Result<Channel, ConnectError> {
        let policy = match bundle {
            Some(bundle) => ServerPolicy::Verify(watch::channel(bundle).1),
            None => ServerPolicy::Insecure,
        };
        connect_lazy(self.target(policy, None))
    }

    fn target(
        &self,
        policy: ServerPolicy,
        identity: Option<watch::Receiver<Option<Identity>>>,
    ) -> Target {
        Target {
            host: self.host.clone(),
            port: self.port,
            trust_domain: self.trust_domain.clone(),
            policy,
            identity,
            clock: self.clock.clone(),
        }
    }
}

/// The agent's connection to the server: presents its current SVID, verifies the server with the
/// current bundle. Clones share it.
#[derive(Clone)]
pub struct NodeConnection(Arc<Shared>);

struct Shared {
    target: Target,
    channel: ArcSwap<Channel>,
    generation: AtomicU64,
}

impl NodeConnection {
    pub(crate) fn new(
        address: &Address,
        bundle: watch::Receiver<Arc<Bundle>>,
        identity: watch::Receiver<Option<Identity>>,
    ) -> Result<Self, ConnectError> {
        let target = address.target(ServerPolicy::Verify(bundle), Some(identity));
        let channel = ArcSwap::from_pointee(connect_lazy(target.clone())?);
        Ok(Self(Arc::new(Shared {
            target,
            channel,
            generation: AtomicU64::new(0),
        })))
    }

    /// The channel for the next call.
    pub fn channel(&self) -> Channel {
        Channel::clone(&self.0.channel.load())
    }

    /// Has the next call start from a fresh connection; calls under way end on the old one.
    pub fn release(&self) {
        match connect_lazy(self.0.target.clone()) {
            Ok(channel) => self.0.channel.store(Arc::new(channel)),
            // It could be set up before, with the same target.
            Err(error) => tracing::warn!(%error, "Keeping the old connection to the server"),
        }
    }

    /// How often the agent's SVID was replaced: a call that was denied under an earlier SVID says
    /// nothing about the present one.
    pub fn generation(&self) -> u64 {
        self.0.generation.load(Ordering::Acquire)
    }

    /// The SVID was replaced.
    pub(crate) fn renewed(&self) {
        self.release();
        self.0.generation.fetch_add(1, Ordering::Release);
    }
}

impl fmt::Debug for NodeConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeConnection")
            .field("target", &self.0.target)
            .finish_non_exhaustive()
    }
}
