//! What all commands that talk to the server share: the socket flags and the way errors end.

use std::{marker::PhantomData, path::PathBuf};

use steeple_proto::server::{
    agent::agent_client::AgentClient, bundle::bundle_client::BundleClient,
    entry::entry_client::EntryClient,
};
use tonic::transport::Channel;

use crate::{
    command::{Command, refuse, wait},
    connect::{ConnectError, SERVER},
    env::Env,
    error::CommandError,
    goflag::{FlagSet, Flags, typed},
};

/// The largest answer that is read, in bytes: a page of entries may be long.
const MAX_ANSWER: usize = 64 << 20;

/// A command that talks to the server.
pub(crate) trait ServerCommand {
    /// Its own flags.
    type Flags: Flags;
    /// What follows "Usage of".
    const NAME: &'static str;
    /// One line that says what it does.
    const SYNOPSIS: &'static str;

    /// Does it.
    async fn run(flags: Self::Flags, env: &mut Env, api: Api) -> Result<(), CommandError>;
}

/// Where the server listens.
#[derive(clap::Args)]
pub(crate) struct SocketFlags {
    #[arg(
        long = "socketPath",
        value_name = "string",
        default_value = SERVER.default_path,
        help = "Path to the SPIRE Server API socket"
    )]
    path: String,
    #[arg(
        long = "instance",
        value_name = "string",
        default_value = "",
        help = "Instance name to substitute into socket templates (env SPIRE_SERVER_PRIVATE_SOCKET_TEMPLATE)."
    )]
    instance: String,
}

impl Flags for SocketFlags {}

/// The server's APIs, connected on first use.
pub(crate) struct Api {
    path: PathBuf,
}

impl Api {
    async fn channel(&self) -> Result<Channel, ConnectError> {
        SERVER.connect(&self.path).await
    }

    /// Registration entries.
    pub(crate) async fn entries(&self) -> Result<EntryClient<Channel>, ConnectError> {
        let client = EntryClient::new(self.channel().await?);
        Ok(client
            .max_decoding_message_size(MAX_ANSWER)
            .max_encoding_message_size(MAX_ANSWER))
    }

    /// Agents and join tokens.
    pub(crate) async fn agents(&self) -> Result<AgentClient<Channel>, ConnectError> {
        Ok(AgentClient::new(self.channel().await?).max_decoding_message_size(MAX_ANSWER))
    }

    /// Bundles.
    pub(crate) async fn bundles(&self) -> Result<BundleClient<Channel>, ConnectError> {
        Ok(BundleClient::new(self.channel().await?).max_decoding_message_size(MAX_ANSWER))
    }

    /// Anything else.
    pub(crate) async fn any(&self) -> Result<Channel, ConnectError> {
        self.channel().await
    }
}

/// A [`ServerCommand`] as a command of the program.
pub(crate) struct Adapted<C>(PhantomData<C>);

impl<C> Adapted<C> {
    pub(crate) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<C: ServerCommand> Command for Adapted<C> {
    fn synopsis(&self) -> &'static str {
        C::SYNOPSIS
    }

    fn flags(&self) -> FlagSet {
        FlagSet::new(C::NAME)
            .with::<SocketFlags>()
            .with::<C::Flags>()
    }

    fn run(&self, args: &[String], env: &mut Env) -> u8 {
        let set = self.flags();
        let read = set.parse(args).and_then(|matches| {
            Ok((
                typed::<SocketFlags>(&matches)?,
                typed::<C::Flags>(&matches)?,
            ))
        });
        let (socket, flags) = match read {
            Ok(read) => read,
            Err(error) => {
                refuse(&set, &error, env);
                return 1;
            }
        };
        match execute::<C>(&socket, flags, env) {
            Ok(()) => 0,
            Err(error) => {
                if !error.is_closed_pipe() {
                    env.complain(&format!("Error: {error}"));
                }
                1
            }
        }
    }
}

fn execute<C: ServerCommand>(
    socket: &SocketFlags,
    flags: C::Flags,
    env: &mut Env,
) -> Result<(), CommandError> {
    let path = SERVER.resolve(&socket.path, &socket.instance, env)?;
    wait(C::run(flags, env, Api { path }))?
}
