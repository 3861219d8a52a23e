//! The two endpoints: TCP for agents and remote administrators, a Unix socket for operators.

use std::{
    future::Future,
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use steeple_authority::Authority;
use steeple_grpc::{Identity, SocketOptions, TlsListener, TlsServerConfig, UnixEndpoint};
use steeple_lifecycle::{Clock, Tasks};
use steeple_plugin_host::ServerPlugins;
use steeple_registry::Registry;
use steeple_server_api::{ApiConfig, Gate, LimitsEnabled, services};
use steeple_spiffe::TrustDomain;
use tokio::{net::lookup_host, sync::watch};
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;

use crate::{
    RunningServer, ServerError,
    config::{BindAddress, ServerConfig},
};

/// Connections over TCP are closed after this long, so that load spreads and certificates are
/// looked at anew.
const CONNECTION_AGE: Duration = Duration::from_secs(3 * 60);
/// How long calls on a connection that has come of age may still take.
const CONNECTION_GRACE: Duration = Duration::from_secs(60);

/// How long open calls may take to end after the stop; less than the whole program has.
const GRACEFUL_STOP: Duration = Duration::from_secs(9);

/// What the services are made of.
pub(crate) struct Endpoints {
    pub(crate) registry: Arc<Registry>,
    pub(crate) authority: Arc<Authority>,
    pub(crate) plugins: ServerPlugins,
    pub(crate) clock: Clock,
}

/// Both endpoints, bound and not yet served: whatever is wrong with an address is known before
/// database and keys are touched, so a second start of a running server does no harm. Callers who
/// come meanwhile wait.
pub(crate) struct Bound {
    tcp: TlsListener,
    tcp_addr: SocketAddr,
    unix: UnixEndpoint,
    registry: Arc<OnceLock<Arc<Registry>>>,
    identity: watch::Sender<Option<Identity>>,
}

impl Bound {
    pub(crate) async fn bind(config: &ServerConfig, clock: &Clock) -> Result<Self, ServerError> {
        let registry = Arc::new(OnceLock::<Arc<Registry>>::new());
        let (identity, presented) = watch::channel(None);
        let known = Arc::clone(&registry);
        let tls = TlsServerConfig {
            trust_domain: config.trust_domain.clone(),
            bundles: Arc::new(move |domain: &TrustDomain| known.get()?.bundles().get(domain)),
            identity: presented,
            foreign_admins: config
                .admin_ids
                .iter()
                .filter(|id| !id.is_member_of(&config.trust_domain))
                .cloned()
                .collect(),
            clock: clock.clone(),
        };
        let tcp = TlsListener::bind(resolve(&config.bind).await?, tls).await?;
        let tcp_addr = tcp.local_addr().map_err(|source| ServerError::Resolve {
            address: config.bind.host.clone(),
            source,
        })?;
        let unix = UnixEndpoint::bind(&config.socket_path, SocketOptions::PRIVATE)?;
        Ok(Self {
            tcp,
            tcp_addr,
            unix,
            registry,
            identity,
        })
    }

    /// Where to put the certificate to present.
    pub(crate) fn identity(&self) -> watch::Sender<Option<Identity>> {
        self.identity.clone()
    }

    /// Serves both until the tasks stop.
    pub(crate) fn serve(
        self,
        config: &ServerConfig,
        endpoints: Endpoints,
        tasks: &Tasks,
    ) -> RunningServer {
        let running = RunningServer {
            tcp: self.tcp_addr,
            socket: self.unix.path().to_owned(),
        };
        // Set once, here: the endpoint did not know any bundle before.
        self.registry
            .get_or_init(|| Arc::clone(&endpoints.registry));
        let gate = services(api(config, endpoints));
        serve_tcp(self.tcp, self.tcp_addr, gate.clone(), tasks);
        serve_unix(self.unix, gate, tasks);
        running
    }
}

fn serve_tcp(listener: TlsListener, addr: SocketAddr, gate: Gate, tasks: &Tasks) {
    let stopping = tasks.stopping();
    let serve = Server::builder()
        .max_connection_age(CONNECTION_AGE)
        .max_connection_age_grace(CONNECTION_GRACE)
        .serve_with_incoming_shutdown(
            gate,
            listener.incoming(),
            stopping.clone().cancelled_owned(),
        );
    tasks.spawn(
        "TCP endpoint",
        lifetime(addr.to_string(), "tcp", serve, stopping),
    );
}

fn serve_unix(endpoint: UnixEndpoint, gate: Gate, tasks: &Tasks) {
    let path = endpoint.path().display().to_string();
    let stopping = tasks.stopping();
    let serve = Server::builder().serve_with_incoming_shutdown(
        gate,
        endpoint.incoming(),
        stopping.clone().cancelled_owned(),
    );
    tasks.spawn("Unix endpoint", lifetime(path, "unix", serve, stopping));
}

/// Serves until all calls have ended after the stop, or [`GRACEFUL_STOP`] is over. Writes the
/// lines that SPIRE writes.
async fn lifetime<E>(
    address: String,
    network: &'static str,
    serve: impl Future<Output = Result<(), E>>,
    stopping: CancellationToken,
) -> Result<(), E> {
    let subsystem_name = "endpoints";
    tracing::info!(address, network, subsystem_name, "Starting Server APIs");
    let overdue = async {
        stopping.cancelled().await;
        tracing::info!(address, network, subsystem_name, "Stopping Server APIs");
        tokio::time::sleep(GRACEFUL_STOP).await;
    };
    tokio::select! {
        served = serve => served?,
        () = overdue => tracing::info!(
            address,
            network,
            subsystem_name,
            "Graceful stop unsuccessful, forced stop after {GRACEFUL_STOP:?}"
        ),
    }
    tracing::info!(address, network, subsystem_name, "Server APIs have stopped");
    Ok(())
}

fn api(config: &ServerConfig, endpoints: Endpoints) -> ApiConfig {
    ApiConfig {
        registry: endpoints.registry,
        authority: endpoints.authority,
        clock: endpoints.clock,
        attestors: endpoints
            .plugins
            .node_attestors
            .into_iter()
            .map(|named| (named.name, named.attestor))
            .collect(),
        admin_ids: config.admin_ids.clone(),
        limits: LimitsEnabled {
            attestation: config.ratelimit.attestation,
            signing: config.ratelimit.signing,
        },
        jwt_disabled: config.disable_jwt_svids,
        agent_id_as_selector: config.agent_spiffe_id_as_selector,
    }
}

async fn resolve(bind: &BindAddress) -> Result<SocketAddr, ServerError> {
    let failed = |source| ServerError::Resolve {
        address: bind.host.clone(),
        source,
    };
    let mut found = lookup_host((bind.host.as_str(), bind.port))
        .await
        .map_err(failed)?;
    found
        .next()
        .ok_or_else(|| failed(std::io::ErrorKind::NotFound.into()))
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    async fn stop_after(busy: Duration) -> Duration {
        let stopping = CancellationToken::new();
        let stopped = stopping.clone().cancelled_owned();
        let serve = async move {
            stopped.await;
            tokio::time::sleep(busy).await;
            Ok::<_, std::io::Error>(())
        };
        let start = Instant::now();
        stopping.cancel();
        lifetime("address".to_owned(), "tcp", serve, stopping)
            .await
            .unwrap();
        start.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn open_calls_may_end_but_not_hold_the_stop_up() {
        let short = Duration::from_secs(3);
        assert!(stop_after(short).await < short + Duration::from_millis(10));
        let endless = stop_after(Duration::from_secs(3600)).await;
        assert!(
            endless < GRACEFUL_STOP + Duration::from_millis(10),
            "{endless:?}"
        );
    }
}
