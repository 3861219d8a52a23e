//! `api validate jwt`.

use steeple_proto::workload::{ValidateJwtsvidRequest, ValidateJwtsvidResponse};
use tonic::{Code, Status};

use super::adapter::{WorkloadApi, WorkloadCommand, request};
use crate::{
    env::Env,
    error::CommandError,
    goflag::{FlagError, Flags},
    output::{Escape, Format, Message, OutputFlag, encode, print_json},
};

/// Has the agent validate a JWT-SVID.
pub(crate) struct ValidateJwt;

#[derive(clap::Args)]
pub(crate) struct ValidateJwtFlags {
    #[arg(
        long = "audience",
        value_name = "string",
        default_value = "",
        help = "expected audience value"
    )]
    audience: String,
    #[arg(
        long = "svid",
        value_name = "string",
        default_value = "",
        help = "JWT SVID"
    )]
    svid: String,
    #[command(flatten)]
    output: OutputFlag,
}

impl Flags for ValidateJwtFlags {
    fn check(&self) -> Result<(), FlagError> {
        self.output.check()
    }
}

impl WorkloadCommand for ValidateJwt {
    type Flags = ValidateJwtFlags;
    const NAME: &'static str = "validate jwt";
    const SYNOPSIS: &'static str = "Validates a JWT SVID";

    async fn run(flags: Self::Flags, env: &mut Env, api: WorkloadApi) -> Result<(), CommandError> {
        if flags.audience.is_empty() {
            return Err(CommandError::Usage("audience must be specified".into()));
        }
        if flags.svid.is_empty() {
            return Err(CommandError::Usage("svid must be specified".into()));
        }
        let wanted = ValidateJwtsvidRequest {
            audience: flags.audience,
            svid: flags.svid,
        };
        let mut client = api.client().await?;
        let answer = api.in_time(client.validate_jwtsvid(request(wanted))).await;
        let answer = answer.map_err(explain)?.into_inner();
        match flags.output.format() {
            Format::Json => print_json(env, &[Message::new("ValidateJWTSVIDResponse", &answer)])?,
            Format::Pretty => pretty(env, &answer)?,
        }
        Ok(())
    }
}

/// A token that is not valid is told from a failure to find out.
fn explain(status: Status) -> CommandError {
    if status.code() == Code::InvalidArgument {
        return CommandError::Usage(format!("SVID is not valid: {}", status.message()));
    }
    CommandError::step("unable to validate JWT SVID")(status)
}

fn pretty(env: &mut Env, answer: &ValidateJwtsvidResponse) -> Result<(), CommandError> {
    let claims = answer.claims.clone().unwrap_or_default();
    let claims = Message::new("google.protobuf.Struct", &claims).to_json()?;
    env.print("SVID is valid.")?;
    env.print(&format!("SPIFFE ID : {}", answer.spiffe_id))?;
    env.print(&format!("Claims    : {}", encode(&claims, Escape::Plain)))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use prost_types::{Struct, Value, value::Kind};

    use super::*;
    use crate::testing::capture;

    #[test]
    fn claims_are_one_line_of_json() {
        let number = Value {
            kind: Some(Kind::NumberValue(1_700_000_000.0)),
        };
        let text = Value {
            kind: Some(Kind::StringValue("spiffe://a/w".into())),
        };
        let fields = [("sub".to_owned(), text), ("exp".to_owned(), number)];
        let answer = ValidateJwtsvidResponse {
            spiffe_id: "spiffe://a/w".into(),
            claims: Some(Struct {
                fields: fields.into(),
            }),
        };
        let (result, stdout, _) = capture(|env| pretty(env, &answer));
        result.unwrap();
        let expected = "SVID is valid.\nSPIFFE ID : spiffe://a/w\n\
            Claims    : {\"exp\":1700000000,\"sub\":\"spiffe://a/w\"}\n";
        assert_eq!(stdout, expected);
    }

    #[test]
    fn an_invalid_token_is_told_from_a_failure() {
        let invalid = explain(Status::invalid_argument("token has expired")).to_string();
        assert_eq!(invalid, "SVID is not valid: token has expired");
        let failed = explain(Status::unavailable("gone")).to_string();
        assert_eq!(
            failed,
            "unable to validate JWT SVID: rpc error: code = Unavailable desc = gone"
        );
    }
}
