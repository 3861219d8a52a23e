//! The commands of `spire-server`.

mod agent;
mod api;
mod bundle;
mod entry;
mod filter;
mod healthcheck;
mod run;
mod token;
mod unsupported;

pub use run::{RunFlags, Runtime};

use crate::program::Program;
use api::Adapted;

/// `spire-server` with all its commands; `runtime` is the server itself.
pub fn program(version: impl Into<String>, runtime: impl Runtime + Clone + 'static) -> Program {
    let program = Program::new("spire-server", version)
        .with("run", run::Run(runtime.clone()))
        .with("validate", run::Validate(runtime))
        .with("healthcheck", Adapted::<healthcheck::HealthCheck>::new())
        .with("token generate", Adapted::<token::Generate>::new())
        .with("bundle show", Adapted::<bundle::Show>::new())
        .with("agent list", Adapted::<agent::List>::new())
        .with("agent count", Adapted::<agent::Count>::new())
        .with("agent show", Adapted::<agent::Show>::new())
        .with("agent ban", Adapted::<agent::Ban>::new())
        .with("agent evict", Adapted::<agent::Evict>::new())
        .with("entry create", Adapted::<entry::Create>::new())
        .with("entry update", Adapted::<entry::Update>::new())
        .with("entry show", Adapted::<entry::Show>::new())
        .with("entry count", Adapted::<entry::Count>::new())
        .with("entry delete", Adapted::<entry::Delete>::new());
    unsupported::add_to(program)
}

#[cfg(test)]
mod tests;
