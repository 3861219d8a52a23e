//! `agent count`.

use steeple_proto::server::agent::CountAgentsRequest;

use super::filter::FilterFlags;
use crate::{
    env::Env,
    error::CommandError,
    output::{Format, Message, print_json},
    server::api::{Api, ServerCommand},
};

/// Counts agents.
pub(crate) struct Count;

impl ServerCommand for Count {
    type Flags = FilterFlags;
    const NAME: &'static str = "agent count";
    const SYNOPSIS: &'static str = "Count attested agents";

    async fn run(flags: Self::Flags, env: &mut Env, api: Api) -> Result<(), CommandError> {
        let request = CountAgentsRequest {
            filter: Some(flags.for_count()?),
        };
        let answer = api
            .agents()
            .await?
            .count_agents(request)
            .await?
            .into_inner();
        match flags.format() {
            Format::Json => {
                let name = "spire.api.server.agent.v1.CountAgentsResponse";
                print_json(env, &[Message::new(name, &answer)])?;
            }
            Format::Pretty => {
                let plural = if answer.count == 1 { "" } else { "s" };
                env.print(&format!("{} attested agent{plural}", answer.count))?;
            }
        }
        Ok(())
    }
}
