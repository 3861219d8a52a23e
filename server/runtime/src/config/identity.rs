//! The trust domain, and who administers it.

use steeple_config::Layers;
use steeple_hcl::{Kind, Section};
use steeple_spiffe::{SpiffeId, TrustDomain};

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

/// `admin_ids`
pub(super) fn admin_ids(server: &Section<'_>) -> Vec<SpiffeId> {
    let written = server.strings("admin_ids").unwrap_or_default();
    let parse = |text: &String| match SpiffeId::parse(text) {
        Ok(id) => Some(id),
        Err(error) => {
            let message = format!("could not parse admin ID {text:?}: {error}");
            server.tell("admin_ids", message, Kind::BadValue);
            None
        }
    };
    written.iter().filter_map(parse).collect()
}
