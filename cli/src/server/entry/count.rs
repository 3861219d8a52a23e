//! `entry count`.

use steeple_proto::server::entry::CountEntriesRequest;

use super::filter::CountFilterFlags;
use crate::{
    env::Env,
    error::CommandError,
    goflag::{FlagError, Flags},
    output::{Format, Message, OutputFlag, print_json},
    server::api::{Api, ServerCommand},
};

/// Counts entries.
pub(crate) struct Count;

#[derive(clap::Args)]
pub(crate) struct CountFlags {
    #[command(flatten)]
    filter: CountFilterFlags,
    #[command(flatten)]
    output: OutputFlag,
}

impl Flags for CountFlags {
    fn check(&self) -> Result<(), FlagError> {
        self.output.check()
    }
}

impl ServerCommand for Count {
    type Flags = CountFlags;
    const NAME: &'static str = "entry count";
    const SYNOPSIS: &'static str = "Count registration entries";

    async fn run(flags: Self::Flags, env: &mut Env, api: Api) -> Result<(), CommandError> {
        let request = CountEntriesRequest {
            filter: Some(flags.filter.read()?.into()),
        };
        let answer = api
            .entries()
            .await?
            .count_entries(request)
            .await?
            .into_inner();
        match flags.output.format() {
            Format::Json => {
                let name = "spire.api.server.entry.v1.CountEntriesResponse";
                print_json(env, &[Message::new(name, &answer)])?;
            }
            Format::Pretty => {
                let noun = if answer.count == 1 {
                    "entry"
                } else {
                    "entries"
                };
                env.print(&format!("{} registration {noun}", answer.count))?;
            }
        }
        Ok(())
    }
}
