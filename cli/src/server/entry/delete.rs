//! `entry delete`.

use steeple_proto::server::entry::{BatchDeleteEntryRequest, BatchDeleteEntryResponse};

use super::{file, written::refuse};
use crate::{
    env::Env,
    error::CommandError,
    goflag::{FlagError, Flags},
    output::{Format, Message, OutputFlag, print_json},
    server::api::{Api, ServerCommand},
    status,
};

/// Deletes entries.
pub(crate) struct Delete;

#[derive(clap::Args)]
pub(crate) struct DeleteFlags {
    #[arg(
        long = "entryID",
        value_name = "string",
        default_value = "",
        help = "The Registration Entry ID of the record to delete."
    )]
    entry_id: String,
    #[arg(
        long = "file",
        value_name = "string",
        default_value = "",
        help = "Path to a file containing a JSON structure for batch deletion (optional). If set to '-', read from stdin."
    )]
    file: String,
    #[command(flatten)]
    output: OutputFlag,
}

impl Flags for DeleteFlags {
    fn check(&self) -> Result<(), FlagError> {
        self.output.check()
    }
}

impl ServerCommand for Delete {
    type Flags = DeleteFlags;
    const NAME: &'static str = "entry delete";
    const SYNOPSIS: &'static str = "Deletes registration entries";

    async fn run(flags: Self::Flags, env: &mut Env, api: Api) -> Result<(), CommandError> {
        let ids = match (flags.file.as_str(), flags.entry_id.as_str()) {
            ("", "") => return refuse("an entry ID is required"),
            ("", id) => vec![id.to_owned()],
            (path, _) => file::ids(path, env)?,
        };
        let request = BatchDeleteEntryRequest { ids };
        let answer = api
            .entries()
            .await?
            .batch_delete_entry(request)
            .await?
            .into_inner();
        match flags.output.format() {
            Format::Json => {
                let name = "spire.api.server.entry.v1.BatchDeleteEntryResponse";
                print_json(env, &[Message::new(name, &answer)])?;
                Ok(())
            }
            Format::Pretty => pretty(env, &answer),
        }
    }
}

/// The summary has no line end: scripts compare the output as it always was.
fn pretty(env: &mut Env, answer: &BatchDeleteEntryResponse) -> Result<(), CommandError> {
    let (deleted, failed): (Vec<_>, Vec<_>) = answer
        .results
        .iter()
        .partition(|result| status::is_ok(result.status.as_ref()));
    for result in &deleted {
        env.print(&format!("Deleted entry with ID: {}", result.id))?;
    }
    if !deleted.is_empty() {
        write!(env.stdout, "\n\n")?;
    }
    for result in &failed {
        let why = status::describe_result(result.status.as_ref());
        env.complain(&format!(
            "Failed to delete entry with ID {} ({why})",
            result.id
        ));
    }
    let (good, bad) = (deleted.len(), failed.len());
    match (good, bad) {
        (_, 0) => {
            write!(env.stdout, "Deleted {good} entries successfully")?;
            return Ok(());
        }
        (0, _) => write!(env.stdout, "\n\nFailed to delete {bad} entries")?,
        _ => write!(
            env.stdout,
            "\n\nDeleted {good} entries successfully, but failed to delete {bad} entries"
        )?,
    }
    env.stdout.flush()?;
    refuse("failed to delete one or more entries")
}

#[cfg(test)]
mod tests {
    use steeple_proto::{
        server::entry::batch_delete_entry_response::Result as Deleted, types::Status,
    };

    use super::*;
    use crate::testing::capture;

    fn answer(results: &[(&str, i32)]) -> BatchDeleteEntryResponse {
        let result = |&(id, code): &(&str, i32)| Deleted {
            id: id.to_owned(),
            status: Some(Status {
                code,
                message: "entry not found".into(),
            }),
        };
        BatchDeleteEntryResponse {
            results: results.iter().map(result).collect(),
        }
    }

    #[test]
    fn all_deleted() {
        let (result, stdout, stderr) = capture(|env| pretty(env, &answer(&[("a", 0), ("b", 0)])));
        result.unwrap();
        let expected = "Deleted entry with ID: a\nDeleted entry with ID: b\n\n\n\
            Deleted 2 entries successfully";
        assert_eq!((stdout.as_str(), stderr.as_str()), (expected, ""));
    }

    #[test]
    fn some_or_none_deleted() {
        let missing =
            "Failed to delete entry with ID b (code: NotFound, msg: \"entry not found\")\n";
        let (result, stdout, stderr) = capture(|env| pretty(env, &answer(&[("a", 0), ("b", 5)])));
        result.unwrap_err();
        let expected = "Deleted entry with ID: a\n\n\n\n\n\
            Deleted 1 entries successfully, but failed to delete 1 entries";
        assert_eq!((stdout.as_str(), stderr.as_str()), (expected, missing));

        let (result, stdout, _) = capture(|env| pretty(env, &answer(&[("b", 5)])));
        result.unwrap_err();
        assert_eq!(stdout, "\n\nFailed to delete 1 entries");
    }
}
