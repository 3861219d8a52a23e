//! `agent ban`.

use steeple_proto::server::agent::BanAgentRequest;

use super::required_id;
use crate::{
    env::Env,
    error::CommandError,
    goflag::{FlagError, Flags},
    output::{Format, Message, OutputFlag, print_json},
    server::api::{Api, ServerCommand},
};

/// Bars an agent for good: its SVID is refused and it may not attest again.
pub(crate) struct Ban;

#[derive(clap::Args)]
pub(crate) struct BanFlags {
    #[arg(
        long = "spiffeID",
        value_name = "string",
        default_value = "",
        help = "The SPIFFE ID of the agent to ban (agent identity)"
    )]
    spiffe_id: String,
    #[command(flatten)]
    output: OutputFlag,
}

impl Flags for BanFlags {
    fn check(&self) -> Result<(), FlagError> {
        self.output.check()
    }
}

impl ServerCommand for Ban {
    type Flags = BanFlags;
    const NAME: &'static str = "agent ban";
    const SYNOPSIS: &'static str = "Ban an attested agent given its SPIFFE ID";

    async fn run(flags: Self::Flags, env: &mut Env, api: Api) -> Result<(), CommandError> {
        let request = BanAgentRequest {
            id: Some(required_id(&flags.spiffe_id)?),
        };
        api.agents().await?.ban_agent(request).await?;
        match flags.output.format() {
            Format::Json => print_json(env, &[Message::new("google.protobuf.Empty", &())])?,
            Format::Pretty => env.print("Agent banned successfully")?,
        }
        Ok(())
    }
}
