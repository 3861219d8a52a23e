//! `bundle show`.

use steeple_proto::{server::bundle::GetBundleRequest, types};
use steeple_spiffe::{Bundle, JwtAuthority, TrustDomain, X509Authority};

use super::api::{Api, ServerCommand};
use crate::{
    env::Env,
    error::CommandError,
    goflag::{FlagError, Flags, quote},
    output::{Format, Message, OutputFlag, print_json},
};

/// Prints the server's bundle.
pub(crate) struct Show;

#[derive(clap::Args)]
pub(crate) struct ShowFlags {
    #[arg(
        long = "format",
        value_name = "string",
        default_value = "pem",
        help = "The format to show the bundle (only pretty output format supports this flag). Either \"pem\" or \"spiffe\"."
    )]
    format: String,
    #[command(flatten)]
    output: OutputFlag,
}

impl Flags for ShowFlags {
    fn check(&self) -> Result<(), FlagError> {
        self.output.check()
    }
}

/// How a bundle is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Form {
    Pem,
    Spiffe,
}

impl Form {
    fn read(word: &str) -> Result<Self, CommandError> {
        match word.to_lowercase().as_str() {
            "" | "pem" => Ok(Self::Pem),
            "spiffe" => Ok(Self::Spiffe),
            other => Err(CommandError::Usage(format!(
                "invalid format: {}",
                quote(other)
            ))),
        }
    }
}

impl ServerCommand for Show {
    type Flags = ShowFlags;
    const NAME: &'static str = "bundle show";
    const SYNOPSIS: &'static str = "Prints server CA bundle to stdout";

    async fn run(flags: Self::Flags, env: &mut Env, api: Api) -> Result<(), CommandError> {
        let request = GetBundleRequest::default();
        let bundle = api.bundles().await?.get_bundle(request).await?.into_inner();
        match flags.output.format() {
            Format::Json => print_json(env, &[Message::new("spire.api.types.Bundle", &bundle)])?,
            Format::Pretty => pretty(env, &bundle, Form::read(&flags.format)?)?,
        }
        Ok(())
    }
}

fn pretty(env: &mut Env, bundle: &types::Bundle, form: Form) -> Result<(), CommandError> {
    let bundle = from_wire(bundle)?;
    match form {
        Form::Pem => write!(env.stdout, "{}", bundle.to_pem())?,
        Form::Spiffe => {
            let json = bundle.to_spiffe_json().map_err(|error| {
                CommandError::Answer(format!("the server's bundle cannot be written: {error}"))
            })?;
            env.print(&json)?;
        }
    }
    Ok(())
}

fn from_wire(bundle: &types::Bundle) -> Result<Bundle, CommandError> {
    let trust_domain = TrustDomain::parse(&bundle.trust_domain)?;
    let x509_authorities = bundle
        .x509_authorities
        .iter()
        .map(|root| X509Authority {
            der: root.asn1.to_vec(),
            tainted: root.tainted,
        })
        .collect();
    let jwt_authorities = bundle
        .jwt_authorities
        .iter()
        .map(|key| JwtAuthority {
            key_id: key.key_id.clone(),
            public_key: key.public_key.to_vec(),
            expires_at: key.expires_at,
            tainted: key.tainted,
        })
        .collect();
    Ok(Bundle {
        trust_domain,
        x509_authorities,
        jwt_authorities,
        refresh_hint: bundle.refresh_hint,
        sequence_number: bundle.sequence_number,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_pem_unless_named() {
        assert_eq!(Form::read("").unwrap(), Form::Pem);
        assert_eq!(Form::read("PEM").unwrap(), Form::Pem);
        assert_eq!(Form::read("spiffe").unwrap(), Form::Spiffe);
        assert_eq!(
            Form::read("Der").unwrap_err().to_string(),
            "invalid format: \"der\""
        );
    }
}
