//! `entry create`.

use clap::ArgAction;
use steeple_proto::{
    server::entry::{BatchCreateEntryRequest, BatchCreateEntryResponse},
    types::{Entry, Spiffeid, entry::AdditionalAttributes},
};

use super::{
    file, print,
    written::{EntryFlags, refuse},
};
use crate::{
    env::Env,
    error::CommandError,
    goflag::{BOOL, FlagError, Flags, boolean},
    output::{Format, Message, OutputFlag, print_json},
    server::{
        api::{Api, ServerCommand},
        filter::spiffe_id,
    },
    status,
};

/// The path of the server's own ID: the parent of node aliases.
const SERVER_PATH: &str = "/spire/server";

/// Makes entries.
pub(crate) struct Create;

#[derive(clap::Args)]
pub(crate) struct CreateFlags {
    #[arg(
        long = "entryID",
        value_name = "string",
        default_value = "",
        help = "A custom ID for this registration entry (optional). If not set, a new entry ID will be generated"
    )]
    entry_id: String,
    #[arg(long = "node", value_name = BOOL, default_value = "false", value_parser = boolean, action = ArgAction::Set, help = "If set, this entry will be applied to matching nodes rather than workloads")]
    node: bool,
    #[arg(long = "disableX509SVIDPrefetch", value_name = BOOL, default_value = "false", value_parser = boolean, action = ArgAction::Set, help = "A boolean value that, when set, disables prefetching X509 SVID for this entry")]
    disable_x509_svid_prefetch: bool,
    #[arg(long = "jwtSVIDIncludeJTI", value_name = BOOL, default_value = "false", value_parser = boolean, action = ArgAction::Set, help = "A boolean value that, when set, includes a unique 'jti' claim in JWT-SVIDs issued for this entry and bypasses the agent JWT-SVID cache")]
    jwt_svid_include_jti: bool,
    #[command(flatten)]
    entry: EntryFlags,
    #[command(flatten)]
    output: OutputFlag,
}

impl Flags for CreateFlags {
    fn check(&self) -> Result<(), FlagError> {
        self.output.check()
    }
}

impl ServerCommand for Create {
    type Flags = CreateFlags;
    const NAME: &'static str = "entry create";
    const SYNOPSIS: &'static str = "Creates registration entries";

    async fn run(flags: Self::Flags, env: &mut Env, api: Api) -> Result<(), CommandError> {
        let format = flags.output.format();
        let entries = match flags.entry.data.as_str() {
            "" => vec![flags.into_entry()?],
            path => file::entries(path, env)?,
        };
        let request = BatchCreateEntryRequest {
            entries: entries.clone(),
            output_mask: None,
        };
        let mut answer = api
            .entries()
            .await?
            .batch_create_entry(request)
            .await?
            .into_inner();
        // A failed result carries no entry of ours: show what was asked for.
        for (result, entry) in answer.results.iter_mut().zip(entries) {
            if !status::is_ok(result.status.as_ref()) {
                result.entry = Some(entry);
            }
        }
        match format {
            Format::Json => {
                let name = "spire.api.server.entry.v1.BatchCreateEntryResponse";
                print_json(env, &[Message::new(name, &answer)])?;
                Ok(())
            }
            Format::Pretty => pretty(env, &answer),
        }
    }
}

impl CreateFlags {
    fn into_entry(self) -> Result<Entry, CommandError> {
        self.entry.need_selectors()?;
        if self.node && !self.entry.federates_with.is_empty() {
            return refuse("node entries can not federate");
        }
        if self.entry.parent_id.is_empty() && !self.node {
            return refuse("a parent ID is required if the node flag is not set");
        }
        self.entry.need_id_and_ttls()?;
        let id = spiffe_id(&self.entry.spiffe_id)?;
        let parent_id = match self.node {
            true => Spiffeid {
                trust_domain: id.trust_domain.clone(),
                path: SERVER_PATH.to_owned(),
            },
            false => spiffe_id(&self.entry.parent_id)?,
        };
        let attributes = AdditionalAttributes {
            disable_x509_svid_prefetch: self.disable_x509_svid_prefetch,
            jwt_svid_include_jti: self.jwt_svid_include_jti,
        };
        let mut entry = self.entry.entry(self.entry_id, id, parent_id)?;
        entry.additional_attributes =
            Some(attributes).filter(|wanted| *wanted != AdditionalAttributes::default());
        Ok(entry)
    }
}

fn pretty(env: &mut Env, answer: &BatchCreateEntryResponse) -> Result<(), CommandError> {
    let results = answer
        .results
        .iter()
        .map(|result| (result.status.as_ref(), &result.entry));
    print::results(env, "create", results)
}
