//! What the commands that speak the Workload API share.

use std::{marker::PhantomData, path::PathBuf, time::Duration};

use steeple_hcl::duration::GoDuration;
use steeple_proto::workload::spiffe_workload_api_client::SpiffeWorkloadApiClient;
use tonic::{Request, Status, metadata::MetadataValue, transport::Channel};

use crate::{
    command::{Command, refuse, wait},
    connect::{AGENT, ConnectError},
    env::Env,
    error::CommandError,
    goflag::{FlagSet, Flags, duration, typed},
};

/// Every call of the Workload API must carry this, so that no proxy forwards one by accident.
const SECURITY_HEADER: &str = "workload.spiffe.io";

/// The largest answer that is read, in bytes.
const MAX_ANSWER: usize = 64 << 20;

/// A command that speaks the Workload API.
pub(crate) trait WorkloadCommand {
    /// Its own flags.
    type Flags: Flags;
    /// What follows "Usage of".
    const NAME: &'static str;
    /// One line that says what it does.
    const SYNOPSIS: &'static str;

    /// Does it.
    async fn run(flags: Self::Flags, env: &mut Env, api: WorkloadApi) -> Result<(), CommandError>;
}

/// Where the agent listens.
#[derive(clap::Args)]
pub(crate) struct SocketFlags {
    #[arg(
        long = "socketPath",
        value_name = "string",
        default_value = AGENT.default_path,
        help = "Path to the SPIRE Agent API Unix domain socket"
    )]
    path: String,
    #[arg(
        long = "instance",
        value_name = "string",
        default_value = "",
        help = "Instance name to substitute into socket templates (env SPIRE_AGENT_PUBLIC_SOCKET_TEMPLATE)."
    )]
    instance: String,
}

impl Flags for SocketFlags {}

impl SocketFlags {
    /// The socket that is meant.
    pub(crate) fn resolve(&self, env: &Env) -> Result<PathBuf, ConnectError> {
        AGENT.resolve(&self.path, &self.instance, env)
    }
}

#[derive(clap::Args)]
struct TimeoutFlags {
    #[arg(
        long = "timeout",
        value_name = "value",
        default_value = "5s",
        value_parser = duration,
        help = "Time to wait for a response"
    )]
    timeout: GoDuration,
}

impl Flags for TimeoutFlags {}

/// The Workload API, connected on first use.
pub(crate) struct WorkloadApi {
    path: PathBuf,
    timeout: Option<GoDuration>,
}

impl WorkloadApi {
    /// The API on `path`, without a limit on waiting.
    pub(crate) fn unlimited(path: PathBuf) -> Self {
        Self {
            path,
            timeout: None,
        }
    }

    /// A client.
    pub(crate) async fn client(&self) -> Result<SpiffeWorkloadApiClient<Channel>, ConnectError> {
        let channel = AGENT.connect(&self.path).await?;
        Ok(SpiffeWorkloadApiClient::new(channel).max_decoding_message_size(MAX_ANSWER))
    }

    /// Waits for an answer, but not longer than the user wants to.
    pub(crate) async fn in_time<T>(
        &self,
        answer: impl Future<Output = Result<T, Status>>,
    ) -> Result<T, Status> {
        let limit = self
            .timeout
            .and_then(GoDuration::to_std)
            .filter(|limit| !limit.is_zero());
        match tokio::time::timeout(limit.unwrap_or(Duration::MAX), answer).await {
            Ok(answer) => answer,
            Err(_) => Err(Status::deadline_exceeded(format!(
                "context deadline exceeded: the agent did not answer within {} (-timeout)",
                self.timeout.unwrap_or_default()
            ))),
        }
    }
}

/// A request with the header that the Workload API wants.
pub(crate) fn request<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request
        .metadata_mut()
        .insert(SECURITY_HEADER, MetadataValue::from_static("true"));
    request
}

/// A [`WorkloadCommand`] as a command of the program.
pub(crate) struct Adapted<C>(PhantomData<C>);

impl<C> Adapted<C> {
    pub(crate) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<C: WorkloadCommand> Command for Adapted<C> {
    fn synopsis(&self) -> &'static str {
        C::SYNOPSIS
    }

    fn flags(&self) -> FlagSet {
        FlagSet::new(C::NAME)
            .with::<TimeoutFlags>()
            .with::<SocketFlags>()
            .with::<C::Flags>()
    }

    fn run(&self, args: &[String], env: &mut Env) -> u8 {
        let set = self.flags();
        let read = set.parse(args).and_then(|matches| {
            let timeout = typed::<TimeoutFlags>(&matches)?.timeout;
            Ok((
                timeout,
                typed::<SocketFlags>(&matches)?,
                typed::<C::Flags>(&matches)?,
            ))
        });
        let (timeout, socket, flags) = match read {
            Ok(read) => read,
            Err(error) => {
                refuse(&set, &error, env);
                return 1;
            }
        };
        match execute::<C>(timeout, &socket, flags, env) {
            Ok(()) => 0,
            Err(error) => {
                if !error.is_closed_pipe() {
                    env.complain(&error.to_string());
                }
                1
            }
        }
    }
}

fn execute<C: WorkloadCommand>(
    timeout: GoDuration,
    socket: &SocketFlags,
    flags: C::Flags,
    env: &mut Env,
) -> Result<(), CommandError> {
    let path = socket.resolve(env)?;
    wait(C::run(
        flags,
        env,
        WorkloadApi {
            path,
            timeout: Some(timeout),
        },
    ))?
}
