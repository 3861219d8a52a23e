//! The public socket.

use steeple_agent_api::{ApiConfig, services};
use steeple_grpc::{SocketOptions, UnixEndpoint};
use steeple_lifecycle::Tasks;
use tonic::transport::Server;

use crate::{AgentError, config::AgentConfig};

/// Opens the public socket and serves it until the tasks stop.
pub(crate) fn serve(config: &AgentConfig, api: ApiConfig, tasks: &Tasks) -> Result<(), AgentError> {
    let routes = services(api)?;
    let endpoint = UnixEndpoint::bind(&config.socket_path, SocketOptions::PUBLIC)?;
    let path = endpoint.path().display().to_string();
    let stopping = tasks.stopping().cancelled_owned();
    let serving = Server::builder()
        .add_routes(routes)
        .serve_with_incoming_shutdown(endpoint.incoming(), stopping);
    tracing::info!(
        address = path,
        apis = names(config),
        network = "unix",
        subsystem_name = "endpoints",
        "Starting agent APIs"
    );
    tasks.spawn("Workload API", serving);
    Ok(())
}

/// What is served, as SPIRE puts it.
fn names(config: &AgentConfig) -> &'static str {
    match (config.disable_workload_api, config.disable_sds_api) {
        (false, false) => "Workload and SDS APIs",
        (true, false) => "SDS API",
        (false, true) => "Workload API",
        (true, true) => "no APIs",
    }
}
