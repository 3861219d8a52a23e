//! The server's gRPC services.
//!
//! Each call passes one gate: [`methods`] says who may make it, `gate` finds out whether this
//! caller may, and only then does a handler see it. A handler reads the request, asks the registry
//! or the authority, and maps the error; one file a service.

pub mod methods;

mod agent;
mod attest;
mod bundle;
mod call;
mod convert;
mod entry;
mod fail;
mod gate;
mod health;
mod hints;
mod limit;
mod svid;
mod sync;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use steeple_authority::Authority;
use steeple_lifecycle::Clock;
use steeple_plugin_sdk::nodeattestor::ServerNodeAttestor;
use steeple_registry::Registry;
use steeple_spiffe::SpiffeId;
use tonic::service::Routes;

pub use gate::Gate;
pub use limit::LimitsEnabled;

/// What the services are made of.
#[derive(Clone)]
pub struct ApiConfig {
    /// Entries, agents, tokens and bundles.
    pub registry: Arc<Registry>,
    /// Signs.
    pub authority: Arc<Authority>,
    /// The time.
    pub clock: Clock,
    /// Node attestors by the name that agents use.
    pub attestors: Vec<(String, Arc<dyn ServerNodeAttestor>)>,
    /// IDs that are administrators without an entry that says so.
    pub admin_ids: Vec<SpiffeId>,
    /// Which calls are slowed down per caller.
    pub limits: LimitsEnabled,
    /// Refuses everything about JWT-SVIDs.
    pub jwt_disabled: bool,
    /// Gives each agent its own ID as a selector.
    pub agent_id_as_selector: bool,
}

/// Every service behind the gate, ready for both endpoints: the gate knows what belongs where.
pub fn services(config: ApiConfig) -> Gate {
    let config = Arc::new(config);
    let routes = Routes::new(agent::service(&config))
        .add_service(bundle::service(&config))
        .add_service(entry::service(&config))
        .add_service(svid::service(&config))
        .add_service(health::service(&config))
        .add_service(hints::service(&config));
    Gate::new(&config, routes)
}
