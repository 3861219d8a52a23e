//! The commands of `spire-agent`.

mod api;
mod healthcheck;
mod run;
mod unsupported;

pub use api::{FetchedSvid, SvidError, parse_svids};
pub use run::{RunFlags, Runtime};

use crate::program::Program;
use api::Adapted;

/// `spire-agent` with all its commands; `runtime` is the agent itself.
pub fn program(version: impl Into<String>, runtime: impl Runtime + Clone + 'static) -> Program {
    let program = Program::new("spire-agent", version)
        .with("run", run::Run(runtime.clone()))
        .with("validate", run::Validate(runtime))
        .with("healthcheck", healthcheck::HealthCheck)
        .with("api fetch", Adapted::<api::FetchX509>::new())
        .with("api fetch x509", Adapted::<api::FetchX509>::new())
        .with("api fetch jwt", Adapted::<api::FetchJwt>::new())
        .with("api validate jwt", Adapted::<api::ValidateJwt>::new())
        .with("api watch", api::Watch);
    unsupported::add_to(program)
}

#[cfg(test)]
mod tests;
