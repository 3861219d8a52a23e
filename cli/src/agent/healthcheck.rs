//! `healthcheck`.

use clap::ArgAction;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::{
    command::{Command, refuse, wait},
    connect::AGENT,
    env::Env,
    error::CommandError,
    goflag::{BOOL, FlagSet, Flags, boolean, quote, typed},
};

/// Asks the agent how it is.
pub(crate) struct HealthCheck;

#[derive(clap::Args)]
struct HealthCheckFlags {
    #[arg(long = "shallow", value_name = BOOL, default_value = "false", value_parser = boolean, action = ArgAction::Set, help = "Perform a less stringent health check")]
    shallow: bool,
    #[arg(long = "verbose", value_name = BOOL, default_value = "false", value_parser = boolean, action = ArgAction::Set, help = "Print verbose information")]
    verbose: bool,
    #[arg(long = "socketPath", value_name = "string", default_value = AGENT.default_path, help = "Path to the SPIRE Agent API socket")]
    socket_path: String,
    #[arg(
        long = "instance",
        value_name = "string",
        default_value = "",
        help = "Instance name to substitute into socket templates (env SPIRE_AGENT_PUBLIC_SOCKET_TEMPLATE)."
    )]
    instance: String,
}

impl Flags for HealthCheckFlags {}

impl Command for HealthCheck {
    fn synopsis(&self) -> &'static str {
        "Determines agent health status"
    }

    fn flags(&self) -> FlagSet {
        FlagSet::new("health").with::<HealthCheckFlags>()
    }

    fn run(&self, args: &[String], env: &mut Env) -> u8 {
        let set = self.flags();
        let flags = match set.parse(args).and_then(|matches| typed(&matches)) {
            Ok(flags) => flags,
            Err(error) => {
                refuse(&set, &error, env);
                return 1;
            }
        };
        match check(&flags, env) {
            Ok(()) => env.print("Agent is healthy.").map_or(1, |()| 0),
            Err(error) => {
                env.complain(&format!("Agent is unhealthy: {error}"));
                1
            }
        }
    }
}

fn check(flags: &HealthCheckFlags, env: &mut Env) -> Result<(), CommandError> {
    if flags.verbose {
        env.print("Checking agent health...")?;
    }
    let path = AGENT.resolve(&flags.socket_path, &flags.instance, env)?;
    let answer = wait(async {
        let channel = AGENT.connect(&path).await?;
        let answer = HealthClient::new(channel)
            .check(HealthCheckRequest::default())
            .await?;
        Ok::<_, CommandError>(answer.into_inner().status())
    })?;
    match answer {
        Ok(ServingStatus::Serving) => Ok(()),
        Ok(status) => {
            let name = quote(status.as_str_name());
            Err(CommandError::Usage(format!("agent returned status {name}")))
        }
        Err(error) => {
            if flags.verbose {
                env.complain(&format!("Failed to check health: {error}"));
            }
            Err(CommandError::Usage("unable to determine health".into()))
        }
    }
}
