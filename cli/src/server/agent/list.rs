//! `agent list`.

use steeple_proto::server::agent::{ListAgentsRequest, ListAgentsResponse};

use super::{filter::FilterFlags, print};
use crate::{
    env::Env,
    error::CommandError,
    output::{Format, Message, print_json},
    server::api::{Api, ServerCommand},
};

/// Agents a page; well below what one message may hold.
const PAGE: i32 = 1000;

/// Lists agents.
pub(crate) struct List;

impl ServerCommand for List {
    type Flags = FilterFlags;
    const NAME: &'static str = "agent list";
    const SYNOPSIS: &'static str = "Lists attested agents and their SPIFFE IDs";

    async fn run(flags: Self::Flags, env: &mut Env, api: Api) -> Result<(), CommandError> {
        let filter = flags.for_list()?;
        let mut client = api.agents().await?;
        let mut all = ListAgentsResponse::default();
        let mut page_token = String::new();
        loop {
            let request = ListAgentsRequest {
                filter: Some(filter.clone()),
                output_mask: None,
                page_size: PAGE,
                page_token,
            };
            let page = client.list_agents(request).await?.into_inner();
            all.agents.extend(page.agents);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        match flags.format() {
            Format::Json => {
                let name = "spire.api.server.agent.v1.ListAgentsResponse";
                print_json(env, &[Message::new(name, &all)])?;
            }
            Format::Pretty => pretty(env, &all)?,
        }
        Ok(())
    }
}

fn pretty(env: &mut Env, answer: &ListAgentsResponse) -> std::io::Result<()> {
    match answer.agents.len() {
        0 => return env.print("No attested agents found"),
        1 => env.print("Found 1 attested agent:\n")?,
        count => env.print(&format!("Found {count} attested agents:\n"))?,
    }
    answer
        .agents
        .iter()
        .try_for_each(|agent| print::agent(env, agent))
}
