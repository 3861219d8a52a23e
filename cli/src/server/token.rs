//! `token generate`.

use steeple_proto::{
    server::agent::CreateJoinTokenRequest,
    types::{JoinToken, Spiffeid},
};

use super::api::{Api, ServerCommand};
use crate::{
    env::Env,
    error::CommandError,
    goflag::{FlagError, Flags, int, int32},
    output::{Format, Message, OutputFlag, print_json},
    server::filter::spiffe_id,
};

/// Makes a join token.
pub(crate) struct Generate;

#[derive(clap::Args)]
pub(crate) struct GenerateFlags {
    #[arg(long = "ttl", value_name = "int", default_value = "600", value_parser = int, help = "Token TTL in seconds")]
    ttl: i64,
    #[arg(
        long = "spiffeID",
        value_name = "string",
        default_value = "",
        help = "Additional SPIFFE ID to assign the token owner (optional)"
    )]
    spiffe_id: String,
    #[command(flatten)]
    output: OutputFlag,
}

impl Flags for GenerateFlags {
    fn check(&self) -> Result<(), FlagError> {
        self.output.check()
    }
}

impl ServerCommand for Generate {
    type Flags = GenerateFlags;
    const NAME: &'static str = "generate";
    const SYNOPSIS: &'static str = "Generates a join token";

    async fn run(flags: Self::Flags, env: &mut Env, api: Api) -> Result<(), CommandError> {
        let agent_id = optional_id(&flags.spiffe_id)?;
        let ttl = int32(flags.ttl, "TTL").map_err(CommandError::Usage)?;
        let request = CreateJoinTokenRequest {
            ttl,
            agent_id,
            ..Default::default()
        };
        let token = api
            .agents()
            .await?
            .create_join_token(request)
            .await?
            .into_inner();
        match flags.output.format() {
            Format::Json => {
                print_json(env, &[Message::new("spire.api.types.JoinToken", &token)])?;
            }
            Format::Pretty => pretty(env, &token, &flags.spiffe_id)?,
        }
        Ok(())
    }
}

fn optional_id(text: &str) -> Result<Option<Spiffeid>, CommandError> {
    if text.is_empty() {
        Ok(None)
    } else {
        Ok(Some(spiffe_id(text)?))
    }
}

fn pretty(env: &mut Env, token: &JoinToken, spiffe_id: &str) -> std::io::Result<()> {
    env.print(&format!("Token: {}", token.value))?;
    if spiffe_id.is_empty() {
        env.print("Warning: Missing SPIFFE ID.")?;
    }
    Ok(())
}
