//! `api watch`.

use std::time::Duration;

use steeple_proto::workload::X509svidRequest;
use tokio::time::{Instant, sleep};
use tonic::{Code, Status};

use super::{
    adapter::{SocketFlags, WorkloadApi, request},
    print,
    svid::parse_svids,
};
use crate::{
    command::{Command, refuse, wait},
    env::Env,
    error::CommandError,
    goflag::{FlagSet, typed},
};

/// The pauses after a failure: the first and the longest.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(30)];

/// Shows this process's X.509-SVIDs and each change of them.
pub(crate) struct Watch;

impl Command for Watch {
    fn synopsis(&self) -> &'static str {
        "Attaches to the Workload API and prints updates as they're received"
    }

    fn flags(&self) -> FlagSet {
        FlagSet::new("watch").with::<SocketFlags>()
    }

    fn run(&self, args: &[String], env: &mut Env) -> u8 {
        let set = self.flags();
        let socket = match set
            .parse(args)
            .and_then(|matches| typed::<SocketFlags>(&matches))
        {
            Ok(socket) => socket,
            Err(error) => {
                refuse(&set, &error, env);
                return 1;
            }
        };
        let result = socket
            .resolve(env)
            .map_err(CommandError::from)
            .and_then(|path| {
                wait(async {
                    let api = WorkloadApi::unlimited(path);
                    tokio::select! {
                        error = watch(&api, env) => Some(error),
                        _interrupted = tokio::signal::ctrl_c() => None,
                    }
                })
                .map_err(CommandError::from)
            });
        if let Ok(Some(error)) | Err(error) = result
            && !error.is_closed_pipe()
        {
            env.complain(&error.to_string());
        }
        1
    }
}

/// Attaches again and again; ends only when that can never help.
async fn watch(api: &WorkloadApi, env: &mut Env) -> CommandError {
    let mut updated = Instant::now();
    let mut pause = PAUSES[0];
    loop {
        let before = updated;
        let error = attach(api, env, &mut updated).await;
        if is_final(&error) {
            return error;
        }
        env.complain(&error.to_string());
        if updated != before {
            pause = PAUSES[0];
        }
        sleep(pause).await;
        pause = (pause * 2).min(PAUSES[1]);
    }
}

/// Prints updates until the stream ends, and says why it did.
async fn attach(api: &WorkloadApi, env: &mut Env, updated: &mut Instant) -> CommandError {
    let mut stream = match open(api).await {
        Ok(stream) => stream,
        Err(error) => return error,
    };
    loop {
        let answer = match stream.message().await {
            Ok(Some(answer)) => answer,
            Ok(None) => return Status::unavailable("the agent ended the stream").into(),
            Err(status) => return status.into(),
        };
        let svids = match parse_svids(&answer, env.clock.now()) {
            Ok(svids) => svids,
            Err(error) => return error.into(),
        };
        if let Err(error) = print::svids(env, &svids, updated.elapsed()) {
            return error.into();
        }
        *updated = Instant::now();
    }
}

async fn open(
    api: &WorkloadApi,
) -> Result<tonic::Streaming<steeple_proto::workload::X509svidResponse>, CommandError> {
    let mut client = api.client().await?;
    Ok(client
        .fetch_x509svid(request(X509svidRequest {}))
        .await?
        .into_inner())
}

/// A request that is wrong in itself stays wrong, and output that nobody takes stays untaken.
fn is_final(error: &CommandError) -> bool {
    match error {
        CommandError::Rpc(status) => status.code() == Code::InvalidArgument,
        CommandError::Stdout(_) => true,
        _ => false,
    }
}
