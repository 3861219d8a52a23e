//! `healthcheck`.

use clap::ArgAction;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use super::api::{Api, ServerCommand};
use crate::{
    env::Env,
    error::CommandError,
    goflag::{BOOL, Flags, boolean, quote},
    status,
};

/// Asks the server how it is.
pub(crate) struct HealthCheck;

#[derive(clap::Args)]
pub(crate) struct HealthCheckFlags {
    #[arg(long = "shallow", value_name = BOOL, default_value = "false", value_parser = boolean, action = ArgAction::Set, help = "Perform a less stringent health check")]
    shallow: bool,
    #[arg(long = "verbose", value_name = BOOL, default_value = "false", value_parser = boolean, action = ArgAction::Set, help = "Print verbose information")]
    verbose: bool,
}

impl Flags for HealthCheckFlags {}

impl ServerCommand for HealthCheck {
    type Flags = HealthCheckFlags;
    const NAME: &'static str = "healthcheck";
    const SYNOPSIS: &'static str = "Determines server health status";

    async fn run(flags: Self::Flags, env: &mut Env, api: Api) -> Result<(), CommandError> {
        if flags.verbose {
            env.print("Checking server health...")?;
        }
        let status = match check(&api).await {
            Ok(status) => status,
            Err(error) => {
                if flags.verbose {
                    env.complain(&format!("Failed to check health: {error}"));
                }
                return Err(unhealthy("unable to determine health"));
            }
        };
        if status != ServingStatus::Serving {
            let name = quote(status.as_str_name());
            return Err(unhealthy(&format!("server returned status {name}")));
        }
        env.print("Server is healthy.")?;
        Ok(())
    }
}

async fn check(api: &Api) -> Result<ServingStatus, String> {
    let channel = api.any().await.map_err(|error| error.to_string())?;
    let answer = HealthClient::new(channel)
        .check(HealthCheckRequest::default())
        .await;
    answer
        .map(|answer| answer.into_inner().status())
        .map_err(|status| status::describe(&status))
}

fn unhealthy(why: &str) -> CommandError {
    CommandError::Usage(format!("server is unhealthy: {why}"))
}
