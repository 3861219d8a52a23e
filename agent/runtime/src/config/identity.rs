//! The trust domain, and how the agent gets into it.

use std::path::Path;

use steeple_config::Layers;
use steeple_hcl::Kind;
use steeple_spiffe::TrustDomain;

use super::AgentFlags;

/// Beyond this a trust domain may not work with other implementations (SPIFFE-ID, 2.3).
const MAX_TRUST_DOMAIN_LEN: usize = 255;

/// `trust_domain`; it has to be there.
pub(super) fn trust_domain(layers: &Layers<'_, '_>, flag: &Option<String>) -> Option<TrustDomain> {
    let written = layers.text("trust_domain", Some(("-trustDomain", flag)));
    if written.is_none() {
        layers.section().missing("trust_domain");
    }
    let parsed = layers.parsed(written, |text| {
        TrustDomain::parse(text)
            .map_err(|error| format!("could not parse trust_domain {text:?}: {error}"))
    })?;
    if parsed.as_str().len() > MAX_TRUST_DOMAIN_LEN {
        let message = format!(
            "longer than {MAX_TRUST_DOMAIN_LEN} characters, which other SPIFFE implementations \
             may refuse"
        );
        layers.section().warn("trust_domain", message);
    }
    Some(parsed)
}

/// `join_token`, or the content of `join_token_file`.
pub(super) fn join_token(layers: &Layers<'_, '_>, flags: &AgentFlags) -> Option<String> {
    let token = layers.text("join_token", Some(("-joinToken", &flags.join_token)));
    let file = layers.text(
        "join_token_file",
        Some(("-joinTokenFile", &flags.join_token_file)),
    );
    if token.is_some() && file.is_some() {
        let message = "only one of join_token or join_token_file can be specified, not both";
        layers.section().tell("join_token", message, Kind::BadValue);
        return None;
    }
    match file {
        Some(file) => layers.parsed(Some(file), |path| read_token(Path::new(path))),
        None => token.map(|token| token.value),
    }
}

fn read_token(path: &Path) -> Result<String, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("unable to read join token file {path:?}: {error}"))?;
    match text.trim() {
        "" => Err(format!("join token file is empty: {path:?}")),
        token => Ok(token.to_owned()),
    }
}
