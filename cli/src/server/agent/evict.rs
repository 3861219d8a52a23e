//! `agent evict`.

use steeple_proto::server::agent::DeleteAgentRequest;

use super::required_id;
use crate::{
    env::Env,
    error::CommandError,
    goflag::{FlagError, Flags},
    output::{Format, Message, OutputFlag, print_json},
    server::api::{Api, ServerCommand},
};

/// Forgets an agent: it must attest again.
pub(crate) struct Evict;

#[derive(clap::Args)]
pub(crate) struct EvictFlags {
    #[arg(
        long = "spiffeID",
        value_name = "string",
        default_value = "",
        help = "The SPIFFE ID of the agent to evict (agent identity)"
    )]
    spiffe_id: String,
    #[command(flatten)]
    output: OutputFlag,
}

impl Flags for EvictFlags {
    fn check(&self) -> Result<(), FlagError> {
        self.output.check()
    }
}

impl ServerCommand for Evict {
    type Flags = EvictFlags;
    const NAME: &'static str = "agent evict";
    const SYNOPSIS: &'static str = "Evicts an attested agent given its SPIFFE ID";

    async fn run(flags: Self::Flags, env: &mut Env, api: Api) -> Result<(), CommandError> {
        let request = DeleteAgentRequest {
            id: Some(required_id(&flags.spiffe_id)?),
        };
        api.agents().await?.delete_agent(request).await?;
        match flags.output.format() {
            Format::Json => print_json(env, &[Message::new("google.protobuf.Empty", &())])?,
            Format::Pretty => env.print("Agent evicted successfully")?,
        }
        Ok(())
    }
}
