//! `api fetch x509`.

use clap::ArgAction;
use steeple_proto::workload::{X509svidRequest, X509svidResponse};
use tokio::time::Instant;
use tonic::Status;

use super::{
    adapter::{WorkloadApi, WorkloadCommand, request},
    print,
    svid::parse_svids,
    write,
};
use crate::{
    env::Env,
    error::CommandError,
    goflag::{BOOL, FlagError, Flags, boolean},
    output::{Format, Message, OutputFlag, print_json},
};

/// Fetches this process's X.509-SVIDs once.
pub(crate) struct FetchX509;

#[derive(clap::Args)]
pub(crate) struct FetchX509Flags {
    #[arg(long = "silent", value_name = BOOL, default_value = "false", value_parser = boolean, action = ArgAction::Set, help = "Suppress stdout")]
    silent: bool,
    #[arg(
        long = "write",
        value_name = "string",
        default_value = "",
        help = "Write SVID data to the specified path (optional; only available for pretty output format)"
    )]
    write: String,
    #[command(flatten)]
    output: OutputFlag,
}

impl Flags for FetchX509Flags {
    fn check(&self) -> Result<(), FlagError> {
        self.output.check()
    }
}

impl WorkloadCommand for FetchX509 {
    type Flags = FetchX509Flags;
    const NAME: &'static str = "fetch x509";
    const SYNOPSIS: &'static str = "Fetches X509 SVIDs from the Workload API";

    async fn run(flags: Self::Flags, env: &mut Env, api: WorkloadApi) -> Result<(), CommandError> {
        let start = Instant::now();
        let answer = fetch(&api).await?;
        let after = start.elapsed();
        if flags.output.format() == Format::Json {
            print_json(env, &[Message::new("X509SVIDResponse", &answer)])?;
            return Ok(());
        }
        let svids = parse_svids(&answer, env.clock.now())?;
        if !flags.silent {
            print::svids(env, &svids, after)?;
        }
        if !flags.write.is_empty() {
            write::svids(env, &flags.write, &svids)?;
        }
        Ok(())
    }
}

async fn fetch(api: &WorkloadApi) -> Result<X509svidResponse, CommandError> {
    let mut client = api.client().await?;
    let answer = api.in_time(async {
        let mut stream = client
            .fetch_x509svid(request(X509svidRequest {}))
            .await?
            .into_inner();
        stream
            .message()
            .await?
            .ok_or_else(|| Status::unavailable("the agent ended the stream"))
    });
    Ok(answer.await?)
}
