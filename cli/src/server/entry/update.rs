//! `entry update`.

use clap::ArgAction;
use steeple_proto::{
    server::entry::{BatchUpdateEntryRequest, BatchUpdateEntryResponse, GetEntryRequest},
    types::{Entry, EntryMask, entry::AdditionalAttributes},
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

/// Replaces entries. Additional attributes that no flag names keep their value.
pub(crate) struct Update;

#[derive(clap::Args)]
pub(crate) struct UpdateFlags {
    #[arg(
        long = "entryID",
        value_name = "string",
        default_value = "",
        help = "The Registration Entry ID of the record to update"
    )]
    entry_id: String,
    #[arg(long = "disableX509SVIDPrefetch", value_name = BOOL, value_parser = boolean, action = ArgAction::Set, help = "A boolean value that, when set, disables prefetching X509 SVID for this entry")]
    disable_x509_svid_prefetch: Option<bool>,
    #[arg(long = "jwtSVIDIncludeJTI", value_name = BOOL, value_parser = boolean, action = ArgAction::Set, help = "A boolean value that, when set, includes a unique 'jti' claim in JWT-SVIDs issued for this entry and bypasses the agent JWT-SVID cache")]
    jwt_svid_include_jti: Option<bool>,
    #[command(flatten)]
    entry: EntryFlags,
    #[command(flatten)]
    output: OutputFlag,
}

impl Flags for UpdateFlags {
    fn check(&self) -> Result<(), FlagError> {
        self.output.check()
    }
}

impl ServerCommand for Update {
    type Flags = UpdateFlags;
    const NAME: &'static str = "entry update";
    const SYNOPSIS: &'static str = "Updates registration entries";

    async fn run(flags: Self::Flags, env: &mut Env, api: Api) -> Result<(), CommandError> {
        let format = flags.output.format();
        let request = match flags.entry.data.as_str() {
            "" => flags.into_request(&api).await?,
            path => BatchUpdateEntryRequest {
                entries: file::entries(path, env)?,
                ..Default::default()
            },
        };
        let entries = request.entries.clone();
        let mut answer = api
            .entries()
            .await?
            .batch_update_entry(request)
            .await?
            .into_inner();
        // A failed result carries no entry: show what was asked for.
        for (result, entry) in answer.results.iter_mut().zip(entries) {
            if !status::is_ok(result.status.as_ref()) {
                result.entry = Some(entry);
            }
        }
        match format {
            Format::Json => {
                let name = "spire.api.server.entry.v1.BatchUpdateEntryResponse";
                print_json(env, &[Message::new(name, &answer)])?;
                Ok(())
            }
            Format::Pretty => pretty(env, &answer),
        }
    }
}

impl UpdateFlags {
    async fn into_request(self, api: &Api) -> Result<BatchUpdateEntryRequest, CommandError> {
        self.validate()?;
        let named = [self.disable_x509_svid_prefetch, self.jwt_svid_include_jti];
        let parent_id = spiffe_id(&self.entry.parent_id)?;
        let id = spiffe_id(&self.entry.spiffe_id)?;
        let mut entry = self.entry.entry(self.entry_id, id, parent_id)?;
        if named == [None, None] {
            let input_mask = Some(all_but_attributes());
            return Ok(BatchUpdateEntryRequest {
                entries: vec![entry],
                input_mask,
                output_mask: None,
            });
        }
        let existing = existing_attributes(api, &entry).await?;
        entry.additional_attributes = Some(merged(existing, named));
        Ok(BatchUpdateEntryRequest {
            entries: vec![entry],
            ..Default::default()
        })
    }

    fn validate(&self) -> Result<(), CommandError> {
        if self.entry_id.is_empty() {
            return refuse("entry ID is required");
        }
        self.entry.need_selectors()?;
        if self.entry.parent_id.is_empty() {
            return refuse("a parent ID is required");
        }
        self.entry.need_id_and_ttls()
    }
}

/// The attributes have no mask of their own, so those that no flag names are read first.
async fn existing_attributes(
    api: &Api,
    entry: &Entry,
) -> Result<AdditionalAttributes, CommandError> {
    let request = GetEntryRequest {
        id: entry.id.clone(),
        output_mask: None,
    };
    let step = "failed to fetch existing entry to merge additional attributes";
    let answer = api
        .entries()
        .await?
        .get_entry(request)
        .await
        .map_err(CommandError::step(step))?;
    Ok(answer
        .into_inner()
        .additional_attributes
        .unwrap_or_default())
}

fn merged(existing: AdditionalAttributes, named: [Option<bool>; 2]) -> AdditionalAttributes {
    AdditionalAttributes {
        disable_x509_svid_prefetch: named[0].unwrap_or(existing.disable_x509_svid_prefetch),
        jwt_svid_include_jti: named[1].unwrap_or(existing.jwt_svid_include_jti),
    }
}

/// Every field that flags can set, except the additional attributes.
fn all_but_attributes() -> EntryMask {
    EntryMask {
        spiffe_id: true,
        parent_id: true,
        selectors: true,
        x509_svid_ttl: true,
        federates_with: true,
        admin: true,
        downstream: true,
        expires_at: true,
        dns_names: true,
        revision_number: true,
        store_svid: true,
        jwt_svid_ttl: true,
        hint: true,
        created_at: true,
        additional_attributes: false,
    }
}

fn pretty(env: &mut Env, answer: &BatchUpdateEntryResponse) -> Result<(), CommandError> {
    let results = answer
        .results
        .iter()
        .map(|result| (result.status.as_ref(), &result.entry));
    print::results(env, "update", results)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_that_are_not_named_are_kept() {
        let existing = AdditionalAttributes {
            disable_x509_svid_prefetch: true,
            jwt_svid_include_jti: false,
        };
        let both = merged(existing, [None, Some(true)]);
        assert!(both.disable_x509_svid_prefetch && both.jwt_svid_include_jti);
        let cleared = merged(existing, [Some(false), None]);
        assert_eq!(cleared, AdditionalAttributes::default());
    }
}
