//! `agent show`.

use steeple_proto::{server::agent::GetAgentRequest, types::Agent};

use super::{print, required_id};
use crate::{
    env::Env,
    error::CommandError,
    goflag::{FlagError, Flags},
    output::{Format, Message, OutputFlag, print_json},
    server::api::{Api, ServerCommand},
};

/// Shows one agent.
pub(crate) struct Show;

#[derive(clap::Args)]
pub(crate) struct ShowFlags {
    #[arg(
        long = "spiffeID",
        value_name = "string",
        default_value = "",
        help = "The SPIFFE ID of the agent to show (agent identity)"
    )]
    spiffe_id: String,
    #[command(flatten)]
    output: OutputFlag,
}

impl Flags for ShowFlags {
    fn check(&self) -> Result<(), FlagError> {
        self.output.check()
    }
}

impl ServerCommand for Show {
    type Flags = ShowFlags;
    const NAME: &'static str = "agent show";
    const SYNOPSIS: &'static str = "Shows the details of an attested agent given its SPIFFE ID";

    async fn run(flags: Self::Flags, env: &mut Env, api: Api) -> Result<(), CommandError> {
        let id = Some(required_id(&flags.spiffe_id)?);
        let request = GetAgentRequest {
            id,
            output_mask: None,
        };
        let agent = api.agents().await?.get_agent(request).await?.into_inner();
        match flags.output.format() {
            Format::Json => print_json(env, &[Message::new("spire.api.types.Agent", &agent)])?,
            Format::Pretty => pretty(env, &agent)?,
        }
        Ok(())
    }
}

fn pretty(env: &mut Env, agent: &Agent) -> std::io::Result<()> {
    env.print("Found an attested agent given its SPIFFE ID\n")?;
    print::agent(env, agent)?;
    for selector in &agent.selectors {
        env.print(&format!(
            "Selectors         : {}:{}",
            selector.r#type, selector.value
        ))?;
    }
    Ok(())
}
