//! `entry show`.

use steeple_proto::{
    server::entry::{GetEntryRequest, ListEntriesRequest, ListEntriesResponse},
    types::Entry,
};

use super::{
    filter::{Filter, ShowFilterFlags},
    print, sort,
    written::refuse,
};
use crate::{
    env::Env,
    error::CommandError,
    goflag::{FlagError, Flags},
    output::{Format, Message, OutputFlag, print_json},
    server::api::{Api, ServerCommand},
};

/// Entries a page; well below what one message may hold.
const PAGE: i32 = 500;

/// Shows entries.
pub(crate) struct Show;

#[derive(clap::Args)]
pub(crate) struct ShowFlags {
    #[arg(
        long = "entryID",
        value_name = "string",
        default_value = "",
        help = "The Entry ID of the records to show"
    )]
    entry_id: String,
    #[command(flatten)]
    filter: ShowFilterFlags,
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
    const NAME: &'static str = "entry show";
    const SYNOPSIS: &'static str = "Displays configured registration entries";

    async fn run(flags: Self::Flags, env: &mut Env, api: Api) -> Result<(), CommandError> {
        let format = flags.output.format();
        let mut entries = match flags.entry_id.as_str() {
            "" => list(&api, flags.filter.read()?).await?,
            _ if is_narrowed(&flags.filter) => {
                return refuse("the -entryID flag can't be combined with others");
            }
            id => vec![one(&api, id).await?],
        };
        sort::entries(&mut entries);
        match format {
            Format::Json => {
                let answer = ListEntriesResponse {
                    entries,
                    next_page_token: String::new(),
                };
                let name = "spire.api.server.entry.v1.ListEntriesResponse";
                print_json(env, &[Message::new(name, &answer)])?;
            }
            Format::Pretty => pretty(env, &entries)?,
        }
        Ok(())
    }
}

fn is_narrowed(filter: &ShowFilterFlags) -> bool {
    !(filter.parent_id.is_empty() && filter.spiffe_id.is_empty() && filter.selectors.is_empty())
}

async fn one(api: &Api, id: &str) -> Result<Entry, CommandError> {
    let request = GetEntryRequest {
        id: id.to_owned(),
        output_mask: None,
    };
    let answer = api.entries().await?.get_entry(request).await;
    let entry = answer.map_err(CommandError::step(format!("error fetching entry ID {id}")))?;
    Ok(entry.into_inner())
}

async fn list(api: &Api, filter: Filter) -> Result<Vec<Entry>, CommandError> {
    let mut client = api.entries().await?;
    let mut entries = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListEntriesRequest {
            filter: Some(filter.clone().into()),
            output_mask: None,
            page_size: PAGE,
            page_token,
        };
        let answer = client.list_entries(request).await;
        let page = answer
            .map_err(CommandError::step("error fetching entries"))?
            .into_inner();
        entries.extend(page.entries);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(entries);
        }
    }
}

fn pretty(env: &mut Env, entries: &[Entry]) -> std::io::Result<()> {
    let noun = if entries.len() == 1 {
        "entry"
    } else {
        "entries"
    };
    env.print(&format!("Found {} {noun}", entries.len()))?;
    entries
        .iter()
        .try_for_each(|entry| write!(env.stdout, "{}", print::block(entry)))
}
