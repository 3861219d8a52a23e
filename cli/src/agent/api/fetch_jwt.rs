//! `api fetch jwt`.

use std::collections::BTreeMap;

use steeple_proto::workload::{
    JwtBundlesRequest, JwtBundlesResponse, JwtsvidRequest, JwtsvidResponse,
};
use tonic::Status;

use super::adapter::{WorkloadApi, WorkloadCommand, request};
use crate::{
    env::Env,
    error::CommandError,
    goflag::{FlagError, Flags},
    output::{Format, Message, OutputOrFormatFlag, print_json},
};

/// Fetches JWT-SVIDs of this process.
pub(crate) struct FetchJwt;

#[derive(clap::Args)]
pub(crate) struct FetchJwtFlags {
    #[arg(
        long = "audience",
        value_name = "value",
        help = "comma separated list of audience values"
    )]
    audience: Option<String>,
    #[arg(
        long = "spiffeID",
        value_name = "string",
        default_value = "",
        help = "SPIFFE ID subject (optional)"
    )]
    spiffe_id: String,
    #[command(flatten)]
    output: OutputOrFormatFlag,
}

impl Flags for FetchJwtFlags {
    fn check(&self) -> Result<(), FlagError> {
        self.output.check()
    }
}

impl WorkloadCommand for FetchJwt {
    type Flags = FetchJwtFlags;
    const NAME: &'static str = "fetch jwt";
    const SYNOPSIS: &'static str = "Fetches a JWT SVID from the Workload API";

    async fn run(flags: Self::Flags, env: &mut Env, api: WorkloadApi) -> Result<(), CommandError> {
        let Some(audience) = &flags.audience else {
            return Err(CommandError::Usage("audience must be specified".into()));
        };
        let wanted = JwtsvidRequest {
            audience: audience.split(',').map(ToOwned::to_owned).collect(),
            spiffe_id: flags.spiffe_id.clone(),
        };
        let bundles = bundles(&api).await?;
        let mut client = api.client().await?;
        let svids = api
            .in_time(client.fetch_jwtsvid(request(wanted)))
            .await?
            .into_inner();
        match flags.output.format() {
            Format::Json => print_json(
                env,
                &[
                    Message::new("JWTSVIDResponse", &svids),
                    Message::new("JWTBundlesResponse", &bundles),
                ],
            )?,
            Format::Pretty => pretty(env, &svids, &bundles)?,
        }
        Ok(())
    }
}

async fn bundles(api: &WorkloadApi) -> Result<JwtBundlesResponse, CommandError> {
    let mut client = api.client().await?;
    let answer = api.in_time(async {
        let answer = client
            .fetch_jwt_bundles(request(JwtBundlesRequest {}))
            .await?;
        let first = answer.into_inner().message().await?;
        first.ok_or_else(|| Status::unavailable("the agent ended the stream"))
    });
    Ok(answer.await?)
}

fn pretty(
    env: &mut Env,
    svids: &JwtsvidResponse,
    bundles: &JwtBundlesResponse,
) -> std::io::Result<()> {
    for svid in &svids.svids {
        env.print(&format!("token({}):\n\t{}", svid.spiffe_id, svid.svid))?;
        if !svid.hint.is_empty() {
            env.print(&format!("hint({}):\n\t{}", svid.spiffe_id, svid.hint))?;
        }
    }
    let sorted: BTreeMap<_, _> = bundles.bundles.iter().collect();
    for (domain, jwks) in sorted {
        env.print(&format!(
            "bundle({domain}):\n\t{}",
            String::from_utf8_lossy(jwks)
        ))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use steeple_proto::workload::Jwtsvid;

    use super::*;
    use crate::testing::capture;

    #[test]
    fn tokens_come_first_and_bundles_are_sorted() {
        let svids = JwtsvidResponse {
            svids: vec![Jwtsvid {
                spiffe_id: "spiffe://a/w".into(),
                svid: "x.y.z".into(),
                hint: "h".into(),
            }],
        };
        let bundle = |name: &str| (name.to_owned(), "{}".into());
        let bundles = JwtBundlesResponse {
            bundles: [bundle("spiffe://b"), bundle("spiffe://a")].into(),
        };
        let (result, stdout, _) = capture(|env| pretty(env, &svids, &bundles));
        result.unwrap();
        assert_eq!(
            stdout,
            "token(spiffe://a/w):\n\tx.y.z\nhint(spiffe://a/w):\n\th\n\
             bundle(spiffe://a):\n\t{}\nbundle(spiffe://b):\n\t{}\n"
        );
    }
}
